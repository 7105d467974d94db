-- The statements that bind dependents again, by the names of what they read now.
-- $1, $2: class and object of each, oid[].
select asked.position,
       case
           when w.rulename = '_RETURN' and h.relkind = 'v' then
               pg_catalog.format(
                   'create or replace view %I.%I%s as %s', n.nspname, h.relname, options.text,
                   pg_catalog.rtrim(pg_catalog.pg_get_viewdef(h.oid), '; ')
               )
           when w.rulename <> '_RETURN' then
               pg_catalog.regexp_replace(
                   pg_catalog.pg_get_ruledef(w.oid), '^CREATE RULE', 'CREATE OR REPLACE RULE'
               )
           when y.oid is not null then
               pg_catalog.format('alter policy %I on %I.%I', y.polname, n.nspname, h.relname)
               || coalesce(' using (' || pg_catalog.pg_get_expr(y.polqual, y.polrelid) || ')', '')
               || coalesce(' with check (' || pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid) || ')', '')
           when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid)
       end as statement
from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) with ordinality as asked (class, object, position)
left join pg_catalog.pg_rewrite w
    on asked.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and w.oid = asked.object
left join pg_catalog.pg_policy y
    on asked.class = 'pg_catalog.pg_policy'::pg_catalog.regclass and y.oid = asked.object
left join pg_catalog.pg_proc p
    on asked.class = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = asked.object
left join pg_catalog.pg_class h on h.oid = coalesce(w.ev_class, y.polrelid)
left join pg_catalog.pg_namespace n on n.oid = h.relnamespace
left join lateral (
    select ' with (' || pg_catalog.string_agg(
               pg_catalog.format(
                   '%I = %L', pg_catalog.split_part(option, '=', 1),
                   pg_catalog.substr(option, pg_catalog.strpos(option, '=') + 1)
               ), ', '
           ) || ')' as text
    from pg_catalog.unnest(h.reloptions) as option
) as options on true
order by asked.position
