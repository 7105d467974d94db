-- What has a name in some schemas: relations, and types that keep a relation of their name from being made.
-- $1: the schemas, text[].
select n.nspname::text as schema_name, c.relname::text as name, c.relkind::text as kind, c.oid,
       pg_catalog.obj_description(c.oid, 'pg_class') as comment, pg_catalog.pg_get_userbyid(c.relowner)::text as owner,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') as may_alter
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where n.nspname = any ($1)
union all
select n.nspname::text, t.typname::text, 'type', t.oid, pg_catalog.obj_description(t.oid, 'pg_type'),
       pg_catalog.pg_get_userbyid(t.typowner)::text, pg_catalog.pg_has_role(t.typowner, 'USAGE')
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
where n.nspname = any ($1)
  -- Row types belong to a relation of the same name; array types make way by being renamed.
  and t.typrelid = 0 and not (t.typcategory = 'A' and t.typelem <> 0)
