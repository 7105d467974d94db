-- A foreign key stays within its schema in DuckDB.
select k.schema_name, k.referenced_table, k.table_name, k.constraint_name, t.comment,
       cast(column_name as varchar) as referenced_column
from duckdb_constraints() k
join duckdb_tables() t on t.table_oid = k.table_oid and t.database_oid = k.database_oid
cross join unnest(k.referenced_column_names) as referenced (column_name)
where k.database_name = current_database() and k.constraint_type = 'FOREIGN KEY'
  and k.referenced_table <> k.table_name
order by all
