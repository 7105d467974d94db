select schema_name, table_name, 'table', cast(table_oid as varchar), comment
from duckdb_tables()
where database_name = current_database() and not internal and not temporary
union all
select schema_name, view_name, 'view', cast(view_oid as varchar), comment
from duckdb_views()
where database_name = current_database() and not internal and not temporary
order by 1, 2
