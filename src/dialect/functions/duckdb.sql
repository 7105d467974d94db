-- The functions of DuckDB, from its own catalog, and what its grammar knows beside them.
-- Columns: name, kind, arguments, returns, volatility, columns of a table function, what the text of a macro calls.
-- A last argument that may be repeated begins with `...`.
with functions as (
    select function_name as name,
        case
            when function_type in ('table', 'table_macro') then 'table'
            -- Its catalog calls them aggregates.
            when function_name in ('row_number', 'rank', 'dense_rank', 'percent_rank', 'cume_dist', 'ntile', 'lag', 'lead',
                'first_value', 'last_value', 'nth_value', 'fill') then 'window'
            when function_type = 'aggregate' then 'aggregate'
            when function_type = 'macro' then 'macro'
            else 'scalar'
        end as kind,
        list_concat(
            if(function_type in ('macro', 'table_macro'), list_transform(parameters, lambda parameter: 'ANY'), parameter_types),
            if(varargs is null, [], ['...' || varargs])) as arguments,
        coalesce(return_type, '') as returns,
        case
            -- Their answer is of the transaction or the session, whatever the catalog says.
            when function_name in ('current_localtime', 'current_localtimestamp', 'current_setting', 'getvariable') then 'stable'
            -- It never answers.
            when function_name = 'error' then 'immutable'
            -- The catalog does not say it of table functions: these have their rows from their arguments alone.
            when function_type = 'table' and function_name in ('range', 'generate_series', 'unnest', 'repeat', 'repeat_row',
                'json_each', 'json_tree') then 'immutable'
            when stability = 'CONSISTENT' then 'immutable'
            when stability = 'CONSISTENT_WITHIN_QUERY' then 'stable'
            when function_type = 'macro' then ''
            else 'volatile'
        end as volatility,
        -- The catalog does not tell columns either; these are documented.
        case when function_type = 'table' and function_name in ('range', 'generate_series') then function_name || ' ANY' else '' end as columns,
        -- A subquery reads what nobody knows.
        case when function_type = 'macro' then
            if(list_contains(json_extract_string(syntax, '$..class'), 'SUBQUERY'), ['?'], list_distinct(list_filter(
                list_concat(json_extract_string(syntax, '$..function_name'), json_extract_string(syntax, '$..column_names[0]')),
                lambda called: not list_contains(parameters, called))))
        end as calls
    from duckdb_functions(), lateral (select case when function_type = 'macro' then json_serialize_sql('SELECT ' || macro_definition) end as syntax)
    where function_type <> 'pragma' and database_name = 'system'
),
-- Words that look like functions or columns and are neither; the catalog does not have them.
grammar (name, kind, arguments, returns, volatility) as (
    values
        ('coalesce', 'scalar', ['...T'], 'T', 'immutable'),
        ('grouping', 'scalar', ['...ANY'], 'BIGINT', 'immutable'),
        ('grouping_id', 'scalar', ['...ANY'], 'BIGINT', 'immutable'),
        ('unnest', 'scalar', ['T[]'], 'T', 'immutable'),
        ('unnest', 'scalar', ['ANY'], '', 'immutable'),
        ('try', 'scalar', ['T'], 'T', 'immutable'),
        ('columns', 'scalar', ['ANY'], '', 'immutable'),
        ('current_timestamp', 'scalar', [], 'TIMESTAMP WITH TIME ZONE', 'stable'),
        ('current_time', 'scalar', [], 'TIME WITH TIME ZONE', 'stable'),
        ('localtime', 'scalar', [], 'TIME', 'stable'),
        ('localtimestamp', 'scalar', [], 'TIMESTAMP', 'stable')
)
select name, kind, array_to_string(arguments, ', '), returns, volatility, columns, array_to_string(calls, ' ') from functions
union select name, kind, array_to_string(arguments, ', '), returns, volatility, '', '' from grammar
