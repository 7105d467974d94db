-- The names of types with their modifiers. $1: oid[], $2: int4[].
select pg_catalog.format_type(asked.type, asked.modifier)
from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) with ordinality as asked (type, modifier, position)
order by asked.position
