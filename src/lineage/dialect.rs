//! sqlparser's dialects by name.

use sqlparser::dialect::{
    BigQueryDialect, DatabricksDialect, Dialect, DuckDbDialect, GenericDialect, HiveDialect, MsSqlDialect,
    MySqlDialect, OracleDialect, PostgreSqlDialect, RedshiftSqlDialect, SQLiteDialect, SnowflakeDialect,
    SparkSqlDialect, TeradataDialect,
};

/// The dialects to try for a name, its own first.
pub(super) fn find(name: &str) -> Option<Vec<&'static dyn Dialect>> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ansi" | "generic" | "db2" | "exasol" => vec![&GenericDialect {}, &HiveDialect {}],
        "athena" | "trino" | "presto" => vec![&HiveDialect {}, &GenericDialect {}],
        "bigquery" => vec![&BigQueryDialect, &GenericDialect {}],
        "databricks" => vec![&DatabricksDialect {}, &SparkSqlDialect {}, &HiveDialect {}, &GenericDialect {}],
        "duckdb" => vec![&DuckDbDialect, &GenericDialect {}],
        "hive" => vec![&HiveDialect {}, &GenericDialect {}],
        "mysql" | "mariadb" => vec![&MySqlDialect {}, &GenericDialect {}],
        "oracle" => vec![&OracleDialect {}, &GenericDialect {}],
        "postgres" | "postgresql" | "greenplum" | "materialize" | "vertica" => {
            vec![&PostgreSqlDialect {}, &GenericDialect {}]
        }
        "redshift" => vec![&RedshiftSqlDialect {}, &PostgreSqlDialect {}, &GenericDialect {}],
        "snowflake" => vec![&SnowflakeDialect, &GenericDialect {}],
        "spark" | "sparksql" => vec![&SparkSqlDialect {}, &DatabricksDialect {}, &HiveDialect {}, &GenericDialect {}],
        "sqlite" => vec![&SQLiteDialect {}, &GenericDialect {}],
        "teradata" => vec![&TeradataDialect {}, &GenericDialect {}],
        "tsql" | "mssql" => vec![&MsSqlDialect {}, &GenericDialect {}],
        _ => return None,
    })
}
