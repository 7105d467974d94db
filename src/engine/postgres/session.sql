-- Sets what a session pins, in order. $1, $2: names and values, text[].
-- The last row has the role that the session then works as, and the process that serves it.
select pg_catalog.set_config(asked.name, asked.value, false), current_user::text as role, pg_catalog.pg_backend_pid() as process
from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as asked (name, value)
