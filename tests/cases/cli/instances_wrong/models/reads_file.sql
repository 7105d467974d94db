select n from bad_sql
