use super::{Piece, Problem, Query, Reading, Referee, Replacement, read_query};
use crate::{diagnostic::code, dialect::Dialect, name::RelationName};

fn problems(sql: &str, dialect: Dialect) -> Vec<Problem> {
    read_query(sql, dialect, None).unwrap_err()
}

fn names(query: &Query) -> Vec<String> {
    let join =
        |parts: &[crate::name::NamePart]| parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
    query.mentions().iter().map(|mention| join(&mention.parts)).collect()
}

#[test]
fn syntax_errors_say_what_and_where() {
    for (sql, place, message, help) in [
        ("selec id from orders", "selec", "expected SELECT or WITH, found `selec`", Some("did you mean `select`?")),
        (
            "select id form orders",
            "form",
            "expected a comma, an operator or the next clause, found `form`",
            Some("did you mean `from`?"),
        ),
        (
            "select id, from orders",
            "from",
            "expected an expression, found `from`",
            Some("remove the comma before `from`"),
        ),
        ("select id,, cust from orders", ",", "expected an expression, found `,`", None),
        (
            "select id from orders wher id = 1",
            "wher",
            "expected a comma, a join, or the next clause, found `wher`",
            Some("did you mean `where`?"),
        ),
        ("select id from orders where id =", "=", "expected an expression after `=`, but the SQL ends", None),
        ("select id from", "from", "expected a relation after `from`, but the SQL ends", None),
        ("select * from orders group id", "id", "expected BY, found `id`", None),
        ("select (1 from orders", "(", "this `(` is never closed", None),
        ("select 1) from orders", ")", "this `)` closes nothing", None),
        ("select 'abc from orders", "'", "this string is never closed", None),
        ("select case when a then b from orders", "case", "this CASE has no END", None),
        ("with x as select 1 select * from x", "select", "expected a query in brackets, found `select`", None),
        (
            "with x as (select 1), select * from x",
            "select",
            "expected the name of a common table expression, found `select`",
            Some("remove the comma before `select`"),
        ),
        ("select a from `orders`", "`", "expected a relation, found ```", Some("names are quoted with double quotes")),
        (
            "select * from orders o left customers c",
            "left",
            "expected a comma, a join, or the next clause, found `left`",
            None,
        ),
    ] {
        let problems = problems(sql, Dialect::Postgres);
        assert_eq!(problems.len(), 1, "{sql}");
        let problem = &problems[0];
        assert_eq!(problem.code, code::SQL_SYNTAX, "{sql}");
        assert_eq!((&sql[problem.range.clone()], problem.message.as_str()), (place, message), "{sql}");
        assert_eq!(problem.help.first().map(String::as_str), help, "{sql}");
    }
}

#[test]
fn a_comma_at_the_end_is_right_on_duckdb() {
    assert_eq!(names(&read_query("select id, from orders,", Dialect::DuckDb, None).unwrap()), ["orders"]);
}

#[test]
fn many_problems_are_reported_at_once() {
    let problems = problems("select 'x'::regclass, nextval('s') from U&\"a\" for update", Dialect::Postgres);
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.id).collect();
    assert_eq!(codes, ["E0310", "E0310", "E0311", "E0304"]);
}

#[test]
fn places_are_never_empty() {
    for sql in ["", " ", ";", "-- x", "select", "select 1;;select", "(", "'", "from", "with", "select * from"] {
        for dialect in Dialect::ALL {
            for problem in read_query(sql, dialect, None).err().into_iter().flatten() {
                assert!(!problem.range.is_empty() || sql.is_empty(), "{sql:?}: {problem:?}");
                assert!(sql.get(problem.range.clone()).is_some(), "{sql:?}: {problem:?}");
            }
        }
    }
}

#[test]
fn long_and_deep_texts_do_not_overflow_the_stack() {
    let long = |piece: &str, count: usize| piece.repeat(count);
    let texts = [
        (format!("select {}1 as x from orders", long("1 + ", 60_000)), true),
        (format!("select * from orders where {}true", long("x = 1 or ", 30_000)), true),
        (format!("select id{} as x from orders", long("::int", 30_000)), true),
        (format!("select 1{}", long(" union all select 1", 5_000)), true),
        (format!("select {}1{} as x from orders", long("(", 5_000), long(")", 5_000)), false),
        (format!("select * from {}orders{}", long("(select * from ", 2_000), long(") o", 2_000)), false),
        (format!("select {}1", long("(", 5_000)), false),
    ];
    for (text, reads) in texts {
        // A small stack, as the threads of a pool have it.
        let result = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || read_query(&text, Dialect::Postgres, None).map(|query| query.reading()))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(result.is_ok(), reads, "{result:?}");
    }
}

/// Answers the same to every question.
struct Says(&'static str);

impl Referee for Says {
    fn serialize(&self, _text: &str) -> Option<String> {
        Some(self.0.to_owned())
    }
}

#[test]
fn the_referee_decides_where_sqlparser_cannot() {
    // A form of DuckDB that neither sqlparser nor a repair knows.
    let sql = "select (sum(id) export_state)::bigint as s from orders";
    let at = sql.find("orders").unwrap();
    assert_eq!(read_query(sql, Dialect::DuckDb, None).unwrap().reading(), Reading::Tokens);
    let table = |at: usize, name: &str| {
        format!(
            r#"{{"error": false, "statements": [{{"node": {{"type": "SELECT_NODE", "cte_map": {{"map": []}},
            "from_table": {{"type": "BASE_TABLE", "alias": "", "schema_name": "", "catalog_name": "",
            "table_name": "{name}", "query_location": {at}}}}}}}]}}"#
        )
    };
    let agrees = Says(table(at, "orders").leak());
    assert_eq!(read_query(sql, Dialect::DuckDb, Some(&agrees)).unwrap().reading(), Reading::Tokens);
    let differs = Says(table(at - 1, "others").leak());
    assert_eq!(read_query(sql, Dialect::DuckDb, Some(&differs)).unwrap_err()[0].code, code::REWRITERS_DISAGREE);
    let refuses = Says(r#"{"error": true, "error_type": "parser", "error_message": "syntax error"}"#);
    assert_eq!(read_query(sql, Dialect::DuckDb, Some(&refuses)).unwrap_err()[0].code, code::SQL_SYNTAX);
    let cannot = Says(r#"{"error": true, "error_type": "not implemented"}"#);
    assert_eq!(read_query(sql, Dialect::DuckDb, Some(&cannot)).unwrap().reading(), Reading::Tokens);
    let broken = Says("no JSON");
    assert_eq!(read_query(sql, Dialect::DuckDb, Some(&broken)).unwrap().reading(), Reading::Tokens);
}

#[test]
fn the_referee_alone_is_enough_on_duckdb() {
    // To the token reader the words after the relation make no sense.
    let sql = "select id from core.orders some new clause";
    let says = Says(
        r#"{"error": false, "statements": [{"node": {"type": "SELECT_NODE", "cte_map": {"map": []}, "from_table":
        {"type": "BASE_TABLE", "alias": "", "schema_name": "core", "catalog_name": "", "table_name": "orders",
        "query_location": 15}}}]}"#,
    );
    let query = read_query(sql, Dialect::DuckDb, Some(&says)).unwrap();
    assert_eq!((query.reading(), names(&query)), (Reading::Engine, vec!["core.orders".to_owned()]));
    assert_eq!(query.mentions()[0].range, 15..26);
    let replaced = |_| Some(Replacement { relation: RelationName::new("core", "orders"), columns: None });
    let pieces = query.pieces(replaced).unwrap();
    let alias = Piece::Inserted(" AS \"orders\"".to_owned());
    assert_eq!(pieces, [Piece::Written(0..15), Piece::Relation { mention: 0 }, alias, Piece::Written(26..sql.len())]);
    // It is not asked for PostgreSQL, whose rules are others.
    assert_eq!(read_query(sql, Dialect::Postgres, Some(&says)).unwrap_err()[0].code, code::SQL_SYNTAX);
}

#[test]
fn what_the_referee_alone_reads_is_replaced_with_care() {
    let tables = |at: usize| {
        let node = format!(
            r#"{{"error": false, "statements": [{{"node": {{"type": "SELECT_NODE", "cte_map": {{"map": []}}, "from_table":
            {{"type": "BASE_TABLE", "alias": "", "schema_name": "core", "catalog_name": "", "table_name": "orders",
            "query_location": {at}}}}}}}]}}"#
        );
        Says(node.leak())
    };
    for (sql, code) in [
        // No scopes are known, so a qualified column cannot follow.
        ("select core.orders.id from core.orders some new clause", code::UNSAFE_NAME_FORM),
        // It may stand in an output column, which DuckDB would name after its text.
        ("select (select 1 from core.orders some new clause)", code::UNNAMED_COLUMN),
    ] {
        let says = tables(sql.rfind("core.orders").unwrap());
        let query = read_query(sql, Dialect::DuckDb, Some(&says)).unwrap();
        assert_eq!(query.reading(), Reading::Engine, "{sql}");
        let replaced = |_| Some(Replacement { relation: RelationName::new("core", "orders"), columns: None });
        assert_eq!(query.pieces(replaced).unwrap_err()[0].code, code, "{sql}");
    }
}

#[test]
fn what_sqlparser_reads_and_the_tokens_do_not_needs_help() {
    let problems = problems("select * from orders with (nolock)", Dialect::Postgres);
    assert_eq!(problems[0].code, code::SQL_SYNTAX);
    assert_eq!(problems[0].message, "expected a comma, a join, or the next clause, found `with`");
}
