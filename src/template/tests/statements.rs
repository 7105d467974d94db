//! Statements from templates of materializations.

use crate::{
    dialect::Dialect,
    source::{SourceFile, Sources},
    template::{MacroFile, NamedStatement, StatementTemplates},
};
use serde_json::{Value, json};

fn templates(files: &[(&str, &str)]) -> (StatementTemplates, Sources, Vec<crate::diagnostic::Diagnostic>) {
    let mut sources = Sources::default();
    let files: Vec<MacroFile> = files
        .iter()
        .map(|(path, text)| {
            let file = sources.add(SourceFile::new(*path, *text));
            MacroFile::new(file, *path, (*text).into())
        })
        .collect();
    let (templates, problems) = StatementTemplates::new(&files);
    (templates, sources, problems)
}

fn one(text: &str, values: &Value) -> Vec<NamedStatement> {
    let (templates, _, problems) = templates(&[("templates/materializations/default/x.sql.jinja", text)]);
    assert!(problems.is_empty(), "{problems:?}");
    templates.render("materializations", Dialect::DuckDb, "x", values).unwrap()
}

fn shown(statements: &[NamedStatement]) -> Vec<(&str, &str, Option<usize>)> {
    statements.iter().map(|statement| (&*statement.name, &*statement.text, statement.sql_at)).collect()
}

const TABLE: &str = "{#- A table. -#}\n-- statement: build\ncreate table {{ staged | relation }} as\n{{ sql }}\n\
                     -- statement: mark it\ncomment on table {{ staged | relation }} is {{ mark | literal }}\n";

#[test]
fn prints_named_statements_with_the_place_of_the_sql() {
    let values = json!({"staged": {"schema": "a\"b", "name": "t"}, "sql": "select 1", "mark": "it's"});
    assert_eq!(
        shown(&one(TABLE, &values)),
        [
            ("build", "create table \"a\"\"b\".\"t\" as\nselect 1", Some(27)),
            ("mark it", "comment on table \"a\"\"b\".\"t\" is 'it''s'", None)
        ]
    );
}

#[test]
fn a_separator_in_a_value_separates_nothing() {
    let sql = "select 1\n-- statement: evil\ndrop table x";
    let values = json!({"staged": {"schema": "s", "name": "t"}, "sql": sql, "mark": "\n-- statement: evil\n"});
    let statements = one(TABLE, &values);
    assert_eq!(statements.len(), 2);
    assert!(statements[0].text.ends_with(sql));
    assert_eq!(statements[0].sql_at.map(|at| &statements[0].text[at..]), Some(sql));
}

#[test]
fn the_sql_is_found_only_where_it_is_certain() {
    let found =
        |text: &str, sql: &str| one(&format!("-- statement: s\n{text}"), &json!({"sql": sql, "x": "a"}))[0].sql_at;
    assert_eq!(found("a {{ sql }} a", "a"), Some(2));
    assert_eq!(found("{{ sql }} {{ sql }}", "select"), None);
    assert_eq!(found("({{ sql ~ ' ' }})", "select 1"), Some(1));
    assert_eq!(found("({{ '' ~ sql ~ sql }})", "select 1"), None);
    assert_eq!(found("{% macro m(q) %}x {{ q }}{% endmacro %}{{ m(sql) }}", "select 1"), Some(2));
    assert_eq!(found("nothing", "select 1"), None);
    assert_eq!(found("x {{ sql }}", ""), None);
    assert_eq!(found("漢字 {{ sql }}", "select 1"), Some(7));
    // White space around the model's SQL: cut at the ends of a statement, so that its start is not the SQL's.
    assert_eq!(found("{{ sql }}", "\n select 1"), None);
    assert_eq!(found("x {{ sql }}", "select 1\n"), Some(2));
}

#[test]
fn statements_can_be_many_or_none() {
    let text = "{% for column in columns -%}\n-- statement: index {{ column }}\ncreate index on t ({{ column | quote }})\n{% endfor -%}\n\
                -- statement: nothing\n{% if false %}x{% endif %}\n";
    let statements = one(text, &json!({"columns": ["a", "B c"]}));
    assert_eq!(
        shown(&statements),
        [("index a", "create index on t (\"a\")", None), ("index B c", "create index on t (\"B c\")", None)]
    );
    assert!(one("{# nothing to do #}\n", &json!({})).is_empty());
    assert!(one("-- a comment for readers\n\n", &json!({})).is_empty());
    assert_eq!(
        one("{% if true %}\n  -- statement: a\n  select 1\n  -- statement: b\n  select 2\n{% endif %}", &json!({}))
            .len(),
        2
    );
    assert_eq!(one("-- statement: a\r\nselect 1\r\n-- statement: b\r\nselect 2", &json!({})).len(), 2);
}

#[test]
fn literals_and_names_are_written_for_the_dialect() {
    let text = "-- statement: s\n{{ [none, true, 1, 2.5, \"o'x\"]|map('literal')|join(', ') }} {{ columns|map('quote')|join(', ') }} \
                {{ {'database': 'd', 'schema': 's', 'name': 'n'}|relation }} {{ 'a < b & \"c\"' }}";
    assert_eq!(
        one(text, &json!({"columns": ["a", "select"]}))[0].text,
        "null, true, 1, 2.5, 'o''x' \"a\", \"select\" \"d\".\"s\".\"n\" a < b & \"c\""
    );
}

#[test]
fn a_dialect_has_its_own_and_falls_back() {
    let (templates, _, problems) = templates(&[
        ("<suiro>/templates/materializations/default/view.sql.jinja", "-- statement: s\ndefault view"),
        ("<suiro>/templates/materializations/default/table.sql.jinja", "-- statement: s\ndefault table"),
        ("<suiro>/templates/materializations/postgres/table.sql.jinja", "-- statement: s\npostgres table"),
        ("<suiro>/templates/publish/postgres/cut.sql.jinja", "-- statement: s\ncut"),
        ("templates/materializations/default/view.sql.jinja", "-- statement: s\nmy view"),
    ]);
    assert!(problems.is_empty());
    let text = |dialect, name| templates.render("materializations", dialect, name, &json!({})).unwrap()[0].text.clone();
    assert_eq!(text(Dialect::DuckDb, "table"), "default table");
    assert_eq!(text(Dialect::Postgres, "table"), "postgres table");
    assert_eq!(text(Dialect::Postgres, "view"), "my view");
    assert_eq!(templates.names("materializations", Dialect::Postgres), ["table", "view"]);
    assert!(templates.has("publish", Dialect::Postgres, "cut") && !templates.has("publish", Dialect::DuckDb, "cut"));
    let problem = templates.render("materializations", Dialect::DuckDb, "tabel", &json!({})).unwrap_err().remove(0);
    assert_eq!((problem.code.id, problem.help.as_slice()), ("E0206", ["did you mean `table`?".to_owned()].as_slice()));
}

#[test]
fn mistakes_have_a_place() {
    for (text, code, message, written) in [
        ("-- statement: s\n{{ missing }}", "E0202", "`missing` is not defined", "missing"),
        ("-- statement: s\n{{ none|quote }}", "E0203", "`quote` takes a name, not a value of type none", "quote"),
        (
            "-- statement: s\n{{ {}|relation }}",
            "E0203",
            "`relation` takes an object with schema and name, not a value of type map",
            "relation",
        ),
        ("-- statement: s\n{{ env_var('HOME') }}", "E0202", "`env_var` is neither a macro nor a function", "env_var"),
        (
            "-- statement: s\n{% include '/etc/passwd' %}",
            "E0206",
            "there is no template `/etc/passwd`",
            "include '/etc/passwd'",
        ),
        (
            "drop table x;\n-- statement: s\n",
            "E0203",
            "the template prints something before its first statement",
            "drop table x;\n-- statement: s\n",
        ),
        ("{{ 'drop' }}", "E0203", "the template prints something before its first statement", "'drop'"),
    ] {
        let (templates, sources, problems) = templates(&[("templates/publish/default/x.sql.jinja", text)]);
        assert!(problems.is_empty(), "{problems:?}");
        let problem = templates.render("publish", Dialect::DuckDb, "x", &json!({})).unwrap_err().remove(0);
        let span = problem.primary.as_ref().unwrap().span;
        let found = &sources.get(span.file).text()[span.range()];
        assert_eq!((problem.code.id, problem.message.as_str(), found), (code, message, written), "{text}");
    }
    let (_, _, problems) = templates(&[
        ("templates/publish/default/x.sql.jinja", "{% if %}"),
        ("templates/publish/default/y.sql.jinja", "{{ a b }}"),
    ]);
    assert_eq!(problems.len(), 2);
}

#[test]
fn thousands_of_renders_are_quick() {
    let (templates, ..) = templates(&[("templates/materializations/default/table.sql.jinja", TABLE)]);
    let values = json!({"staged": {"schema": "s", "name": "t"}, "sql": "select a, b from c\n".repeat(30), "mark": "m"});
    let started = std::time::Instant::now();
    for _ in 0..2_000 {
        templates.render("materializations", Dialect::Postgres, "table", &values).unwrap();
    }
    // About a tenth of a second where nothing is optimised.
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}
