-- Which of some schemas exist. $1: text[].
select nspname::text from pg_catalog.pg_namespace where nspname = any ($1)
