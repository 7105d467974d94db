-- The columns of all relations that can be read, in some schemas. $1: text[].
select n.nspname::text as schema_name, c.relname::text as name, a.attname::text as column_name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as data_type, not a.attnotnull as nullable,
       pg_catalog.col_description(c.oid, a.attnum) as comment,
       case when a.attcollation <> t.typcollation then a.attcollation::pg_catalog.regcollation::text end as collation
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
where n.nspname = any ($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')
order by n.nspname, c.relname, a.attnum
