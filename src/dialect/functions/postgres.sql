-- The functions and operators of PostgreSQL, from its own catalog, and what its grammar knows beside them.
-- Columns: name, kind, arguments, returns, volatility, columns of a table function. A last argument that may be
-- repeated begins with `...`.
with arguments as (
    select p.oid, p.proname, p.prokind, p.proretset, p.prorettype, p.provolatile, a.type, a.place,
        p.proargmodes[a.place] as mode, p.proargnames[a.place] as name
    from pg_catalog.pg_proc p
    left join lateral unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as a (type, place) on true
    where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w')
),
functions as (
    select proname::text as name,
        case when proretset then 'table' when prokind = 'a' then 'aggregate' when prokind = 'w' then 'window' else 'scalar' end as kind,
        coalesce(string_agg(case when mode = 'v' then '...' else '' end || format_type(type, null), ', ' order by place)
            filter (where coalesce(mode, 'i') in ('i', 'b', 'v')), '') as arguments,
        format_type(prorettype, null) as returns,
        case provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
        coalesce(string_agg(name || ' ' || format_type(type, null), ', ' order by place) filter (where mode in ('o', 'b', 't')), '') as columns
    from arguments
    group by oid, proname, prokind, proretset, prorettype, provolatile
),
operators as (
    select o.oprname::text as name, 'scalar' as kind,
        concat_ws(', ', case when o.oprleft <> 0 then format_type(o.oprleft, null) end, format_type(o.oprright, null)) as arguments,
        format_type(o.oprresult, null) as returns,
        case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility, '' as columns
    from pg_catalog.pg_operator o
    join pg_catalog.pg_proc p on p.oid = o.oprcode
    where o.oprnamespace = 'pg_catalog'::regnamespace and o.oprresult <> 0
),
-- Words that look like functions or columns and are neither; pg_proc does not have them.
grammar (name, kind, arguments, returns, volatility, columns) as (
    values
        ('coalesce', 'scalar', '...anycompatible', 'anycompatible', 'immutable', ''),
        ('greatest', 'scalar', '...anycompatible', 'anycompatible', 'immutable', ''),
        ('least', 'scalar', '...anycompatible', 'anycompatible', 'immutable', ''),
        ('nullif', 'scalar', 'anycompatible, anycompatible', 'anycompatible', 'immutable', ''),
        ('grouping', 'scalar', '...any', 'integer', 'immutable', ''),
        ('trim', 'scalar', 'text', 'text', 'immutable', ''),
        ('trim', 'scalar', 'text, text', 'text', 'immutable', ''),
        ('xmlelement', 'scalar', '...any', 'xml', 'stable', ''),
        ('xmlforest', 'scalar', '...any', 'xml', 'stable', ''),
        ('xmlconcat', 'scalar', '...xml', 'xml', 'immutable', ''),
        ('xmlparse', 'scalar', 'text', 'xml', 'stable', ''),
        ('xmlserialize', 'scalar', 'xml', 'text', 'immutable', ''),
        ('current_date', 'scalar', '', 'date', 'stable', ''),
        ('current_time', 'scalar', '', 'time with time zone', 'stable', ''),
        ('current_timestamp', 'scalar', '', 'timestamp with time zone', 'stable', ''),
        ('localtime', 'scalar', '', 'time without time zone', 'stable', ''),
        ('localtimestamp', 'scalar', '', 'timestamp without time zone', 'stable', ''),
        ('current_role', 'scalar', '', 'name', 'stable', ''),
        ('current_catalog', 'scalar', '', 'name', 'stable', ''),
        ('user', 'scalar', '', 'name', 'stable', '')
)
select * from functions
union select * from operators
union select * from grammar
