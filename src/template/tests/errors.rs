//! What templates refuse: in which words, and where.

use super::{Project, project};
use crate::diagnostic::Diagnostic;

/// Text, files of macros, code, message, where and what is underlined, and the calls on the way.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str, &'a [&'a str]);

fn told(project: &Project, problem: &Diagnostic) -> (String, Vec<String>) {
    let span = problem.primary.as_ref().expect("every diagnostic has a place").span;
    let calls = problem.trace.iter().map(|frame| format!("{} {}", frame.name, project.at(frame.call)));
    let at = project.at(span);
    let at = at.rsplit('/').next().unwrap_or_default().to_owned();
    (
        format!("{at} {}", project.written(span)),
        calls
            .map(|call| {
                call.rsplit_once('/')
                    .map_or(call.clone(), |(name, at)| format!("{} {at}", name.split(' ').next().unwrap_or_default()))
            })
            .collect(),
    )
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn says_what_is_wrong_and_where() {
    let deep = [
        ("a.sql.jinja", "{% macro one(x) %}\n{{ two(x) }}\n{% endmacro %}"),
        ("b.sql.jinja", "\n{% macro two(x) %}\n  {{ x.y }}\n{% endmacro %}"),
    ];
    let cases: &[Case<'_>] = &[
        // Syntax.
        ("a\n{{ a b }}", &[], "E0201", "unexpected identifier, expected end of variable block", "m.sql:2:6 b", &[]),
        ("{% if x %}", &[], "E0201", "unexpected end of input, expected end of block", "m.sql:1:9 %}", &[]),
        (
            "{% materialization x %}",
            &[],
            "E0201",
            "`materialization` is no tag of a template",
            "m.sql:1:4 materialization",
            &[],
        ),
        ("{% endfor %}", &[], "E0201", "`endfor` stands here without its beginning", "m.sql:1:4 endfor", &[]),
        ("x {{ 'abc }}", &[], "E0201", "unexpected end of string", "m.sql:1:13 ", &[]),
        ("{# open", &[], "E0201", "unexpected end of comment", "m.sql:1:8 ", &[]),
        // Undefined.
        ("select\n  {{ colum }}", &[], "E0202", "`colum` is not defined", "m.sql:2:6 colum", &[]),
        ("漢字 {{ foo.bar.baz }}", &[], "E0202", "`foo` is not defined", "m.sql:1:7 foo", &[]),
        ("{{ this.schem }}", &[], "E0202", "`this.schem` is not defined", "m.sql:1:4 this", &[]),
        ("{{ 'a' ~ foo }}", &[], "E0202", "`foo` is not defined", "m.sql:1:10 foo", &[]),
        ("{{ foo|upper }}", &[], "E0202", "`foo` is not defined", "m.sql:1:4 foo", &[]),
        ("{{ 1|nope }}", &[], "E0202", "there is no filter `nope`", "m.sql:1:6 nope", &[]),
        ("{{ 1 is nope }}", &[], "E0202", "there is no test `nope`", "m.sql:1:9 nope", &[]),
        ("{{ nope(1) }}", &[], "E0202", "`nope` is neither a macro nor a function", "m.sql:1:4 nope", &[]),
        ("{% do nope.x() %}", &[], "E0202", "`nope` is not defined", "m.sql:1:7 nope", &[]),
        ("{{ 'a'.nope() }}", &[], "E0202", "a string has no method `nope`", "m.sql:1:7 .nope()", &[]),
        // What is not known without asking the database.
        (
            "{{ columns('bare') }}",
            &[],
            "E0320",
            "the columns of `bare` are not known without asking the database",
            "m.sql:1:4 columns('bare')",
            &[],
        ),
        (
            "{{ columns(ref('orderz')) }}",
            &[],
            "E0302",
            "there is no model, seed or source `ref('orderz')`",
            "m.sql:1:4 columns(ref('orderz'))",
            &[],
        ),
        ("{{ columns('two') }}", &[], "E0303", "`two` has more than one meaning", "m.sql:1:4 columns('two')", &[]),
        (
            "{{ columns('orders', except=['idd']) }}",
            &[],
            "E0202",
            "`orders` has no column `idd` to leave out",
            "m.sql:1:4 columns('orders', except=['idd'])",
            &[],
        ),
        (
            "{{ m(1) }}",
            &[("x.sql.jinja", "{% macro m(a) %}x = {{ a }}{{ cuntry | literal }}{% endmacro %}")],
            "E0202",
            "`cuntry` is not defined",
            "x.sql.jinja:1:31 cuntry",
            &["m m.sql:1:4"],
        ),
        ("{{ nope|literal }}", &[], "E0202", "`nope` is not defined", "m.sql:1:4 nope", &[]),
        ("{{ [1]|quote }}", &[], "E0203", "`quote` takes a name, not a value of type sequence", "m.sql:1:8 quote", &[]),
        ("{{ columns() }}", &[], "E0203", "`columns` needs a relation", "m.sql:1:4 columns()", &[]),
        (
            "{{ columns('orders', 1) }}",
            &[],
            "E0203",
            "`columns` takes a list of names in `except`",
            "m.sql:1:4 columns('orders', 1)",
            &[],
        ),
        ("{{ values('no') }}", &[], "E0202", "there is no list `no`", "m.sql:1:4 values('no')", &[]),
        (
            "{{ values('unfetched') }}",
            &[],
            "E0202",
            "the list `unfetched` has no values yet",
            "m.sql:1:4 values('unfetched')",
            &[],
        ),
        ("{{ ref(x) }}", &[], "E0202", "`x` is not defined", "m.sql:1:8 x", &[]),
        (
            "{{ var('no') }}",
            &[],
            "E0202",
            "the variable `no` has no value and no default here",
            "m.sql:1:4 var('no')",
            &[],
        ),
        (
            "{{ env_var('NO') }}",
            &[],
            "E0108",
            "the environment variable `NO` is not set",
            "m.sql:1:4 env_var('NO')",
            &[],
        ),
        ("{{ doc('order') }}", &[], "E0202", "there is no docs block `order`", "m.sql:1:4 doc('order')", &[]),
        (
            "{{ config.require('x') }}",
            &[],
            "E0202",
            "the setting `x` is required, and this model does not have it",
            "m.sql:1:10 .require('x')",
            &[],
        ),
        ("{{ config(\n  a=1,\n  b=foo) }}", &[], "E0202", "`foo` is not defined", "m.sql:3:5 foo", &[]),
        // Not supported.
        (
            "{% if execute %}{% endif %}",
            &[],
            "E0205",
            "`execute` asks the database, which templates never do",
            "m.sql:1:7 execute",
            &[],
        ),
        (
            "{% set r = run_query('select 1') %}",
            &[],
            "E0205",
            "`run_query` asks the database, which templates never do",
            "m.sql:1:12 run_query",
            &[],
        ),
        (
            "{{ adapter.dispatch('x')() }}",
            &[],
            "E0205",
            "`adapter` asks the database, which templates never do",
            "m.sql:1:4 adapter",
            &[],
        ),
        (
            "{{ dbt_utils.star(from=ref('a')) }}",
            &[],
            "E0205",
            "there is no package `dbt_utils` in suiro's templates",
            "m.sql:1:4 dbt_utils",
            &[],
        ),
        (
            "{{ run_started_at }}",
            &[],
            "E0205",
            "`run_started_at` differs from run to run, and templates must not",
            "m.sql:1:4 run_started_at",
            &[],
        ),
        (
            "{{ modules.datetime.date.today() }}",
            &[],
            "E0205",
            "`modules` differs from run to run, and templates must not",
            "m.sql:1:4 modules",
            &[],
        ),
        ("{{ now() }}", &[], "E0205", "`now` differs from run to run, and templates must not", "m.sql:1:4 now", &[]),
        (
            "{{ ref('x').schema }}",
            &[],
            "E0205",
            "the schema of `ref('x')` is not known while templates are rendered",
            "m.sql:1:7 ('x').schema",
            &[],
        ),
        (
            "{% call statement('x') %}a{% endcall %}",
            &[],
            "E0205",
            "`statement` asks the database, which templates never do",
            "m.sql:1:9 statement",
            &[],
        ),
        // Wrong calls.
        ("{{ ref() }}", &[], "E0203", "`ref` needs the name of a model", "m.sql:1:4 ref()", &[]),
        (
            "{{ ref(1) }}",
            &[],
            "E0203",
            "`ref` takes the name of a model as a string, not a number",
            "m.sql:1:4 ref(1)",
            &[],
        ),
        ("{{ ref('a', x=1) }}", &[], "E0203", "`ref` has no argument `x`", "m.sql:1:4 ref('a', x=1)", &[]),
        ("{{ source('a') }}", &[], "E0203", "`source` needs the name of a table", "m.sql:1:4 source('a')", &[]),
        (
            "{{ config('x') }}",
            &[],
            "E0203",
            "`config` takes settings by name, or one map of them",
            "m.sql:1:4 config('x')",
            &[],
        ),
        (
            "{{ config(\n  a=1,\n  b=ref) }}",
            &[],
            "E0203",
            "`config` cannot set `b` to a value of type plain object",
            "m.sql:1:4 config(\n  a=1,\n  b=ref)",
            &[],
        ),
        (
            "{{ return(1) }}",
            &[],
            "E0203",
            "`return` stands outside of the macros that are known everywhere",
            "m.sql:1:4 return(1)",
            &[],
        ),
        (
            "{{ exceptions.raise_compiler_error('No ' ~ 'way') }}",
            &[],
            "E0203",
            "No way",
            "m.sql:1:14 .raise_compiler_error('No ' ~ 'way')",
            &[],
        ),
        (
            "{% set l = [] %}{% do l.append(1) %}",
            &[],
            "E0203",
            "a list does not change in a template, so `append` cannot be used",
            "m.sql:1:24 .append(1)",
            &[],
        ),
        (
            "{{ 1 + 'a' }}",
            &[],
            "E0203",
            "tried to use + operator on unsupported types number and string",
            "m.sql:1:4 1 + 'a'",
            &[],
        ),
        ("{{ 'a'|int }}", &[], "E0203", "the filter `int` failed: invalid float literal", "m.sql:1:8 int", &[]),
        ("{{ graph }}", &[], "E0203", "this value cannot be printed", "m.sql:1:4 graph", &[]),
        // Templates that are not there.
        (
            "{% include 'nope.sql' %}",
            &[],
            "E0206",
            "there is no template `nope.sql`",
            "m.sql:1:4 include 'nope.sql'",
            &[],
        ),
        (
            "{% import '../a.sql' as x %}",
            &[("a.sql", "")],
            "E0206",
            "there is no template `../a.sql`",
            "m.sql:1:4 import '../a.sql' as x",
            &[],
        ),
        (
            "{% include '/etc/passwd' %}",
            &[],
            "E0206",
            "there is no template `/etc/passwd`",
            "m.sql:1:4 include '/etc/passwd'",
            &[],
        ),
        (
            "{% include 'x/../templates/macros/a.sql' %}",
            &[("a.sql", "")],
            "E0206",
            "there is no template `x/../templates/macros/a.sql`",
            "m.sql:1:4 include 'x/../templates/macros/a.sql'",
            &[],
        ),
        // In macros, with the calls that led there.
        (
            "select\n {{ one(1) }}",
            &deep,
            "E0202",
            "`x.y` is not defined",
            "b.sql.jinja:3:6 x",
            &["one m.sql:2:5", "two a.sql.jinja:2:4"],
        ),
        (
            "{{ one(\n 1,\n 2) }}",
            &deep,
            "E0203",
            "`one` was called wrongly: too many arguments",
            "m.sql:1:4 one(\n 1,\n 2)",
            &[],
        ),
        (
            "{{ one(\n 1) }}",
            &deep,
            "E0202",
            "`x.y` is not defined",
            "b.sql.jinja:3:6 x",
            &["one m.sql:1:4", "two a.sql.jinja:2:4"],
        ),
        (
            "{% set y = one({}) %}",
            &deep,
            "E0202",
            "`x.y` is not defined",
            "b.sql.jinja:3:6 x",
            &["one m.sql:1:12", "two a.sql.jinja:2:4"],
        ),
        (
            "{{ one() }}",
            &[("a.sql.jinja", "{% macro one() %}{{ zork }}{{ e }}{% endmacro %}")],
            "E0202",
            "`zork` is not defined",
            "a.sql.jinja:1:21 zork",
            &["one m.sql:1:4"],
        ),
        (
            "{{ one() }}",
            &[("a.sql.jinja", "{% macro one() %}{{ zork(1) }}{% endmacro %}")],
            "E0202",
            "`zork` is not defined",
            "a.sql.jinja:1:21 zork",
            &["one m.sql:1:4"],
        ),
        (
            "{% import 'a.sql.jinja' as a %}\n{{ a.one() }}",
            &[("a.sql.jinja", "{% macro one() %}{{ zork }}{% endmacro %}")],
            "E0202",
            "`zork` is not defined",
            "a.sql.jinja:1:21 zork",
            &["one m.sql:2:5"],
        ),
        (
            "{% macro here() %}\n{{ zork }}{% endmacro %}\n{{ here() }}",
            &[],
            "E0202",
            "`zork` is not defined",
            "m.sql:2:4 zork",
            &["here m.sql:3:4"],
        ),
        (
            "{% include 'a.sql' %}",
            &[("a.sql", "\n\n{{ zork }}")],
            "E0202",
            "`zork` is not defined",
            "a.sql:3:4 zork",
            &["templates/macros/a.sql m.sql:1:4"],
        ),
        (
            "{% from 'a.sql.jinja' import one as k %}{{ k(\n 1) }}",
            &deep,
            "E0202",
            "`x.y` is not defined",
            "b.sql.jinja:3:6 x",
            &["one m.sql:1:44", "two a.sql.jinja:2:4"],
        ),
        (
            "{% call one() %}\n{{ two(\n1) }}{% endcall %}",
            &[(
                "a.sql.jinja",
                "{% macro one() %}{{ caller() }}{{ zork }}{% endmacro %}{% macro two(x) %}{% endmacro %}",
            )],
            "E0202",
            "`zork` is not defined",
            "a.sql.jinja:1:35 zork",
            &["one m.sql:1:9"],
        ),
        (
            "{% call one() %}\n{{ zork }}{% endcall %}",
            &[("a.sql.jinja", "{% macro one() %}{{ caller() }}{% endmacro %}")],
            "E0202",
            "`zork` is not defined",
            "m.sql:2:4 zork",
            &["one m.sql:1:9"],
        ),
        (
            "{{ one() }}",
            &[("a.sql.jinja", "{% macro one() %}{% set n = namespace() %}{% set n.a = n %}{% endmacro %}")],
            "E0204",
            "a namespace cannot be kept in a namespace",
            "a.sql.jinja:1:56 n",
            &["one m.sql:1:4"],
        ),
    ];
    let mut wrong = Vec::new();
    for (model, macros, code, message, place, trace) in cases {
        let project = project(model, macros);
        assert!(project.problems.is_empty(), "{model}: {:?}", project.problems);
        let problem = project.error();
        let (at, calls) = told(&project, &problem);
        let said = (problem.code.id, problem.message.as_str(), at.as_str(), calls.as_slice());
        let trace: Vec<String> = trace.iter().map(|call| (*call).to_owned()).collect();
        if said != (*code, *message, *place, &trace) {
            wrong.push(format!("{model}\n  {said:?}"));
        }
        // The renderer must be able to show it.
        assert!(project.shown(&problem).contains(problem.code.id));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn suggests_what_was_meant() {
    let macros = [("a.sql.jinja", "{% macro cents_to_euro(x) %}{% set amount = 1 %}{{ amont }}{% endmacro %}")];
    for (model, meant) in [
        ("{% set columns = 1 %}{{ colums }}", "columns"),
        ("{% for item in [1] %}{{ itme }}{% endfor %}", "item"),
        ("{{ this.schem }}", "schema"),
        ("{{ target.nam }}", "name"),
        ("{{ thsi }}", "this"),
        ("{{ is_incrementl() }}", "is_incremental"),
        ("{{ cents_to_eur(1) }}", "cents_to_euro"),
        ("{{ cents_to_euro(1) }}", "amount"),
        ("{{ 1|uper }}", "upper"),
        ("{{ 1 is defind }}", "defined"),
        ("{% inclde 'a' %}", "include"),
        ("{% include 'a.sql.jinj' %}", "a.sql.jinja"),
        ("{{ var('star_date') }}", "start_date"),
        ("{{ doc('order') }}", "orders"),
        ("{{ 'a'.uper() }}", "upper"),
    ] {
        let problem = project(model, &macros).error();
        assert_eq!(problem.help.first(), Some(&format!("did you mean `{meant}`?")), "{model}: {problem:?}");
    }
}

#[test]
fn names_the_alternatives_to_asking_the_database() {
    let help = project("{{ run_query('x') }}", &[]).error().help.join("\n");
    assert!(
        help.contains("columns('relation', except=[…])")
            && help.contains("values('name')")
            && help.contains("built-in")
    );
}

#[test]
fn finds_every_broken_macro_and_keeps_the_others() {
    let project = project(
        "{{ good() }}{{ fine() }}",
        &[
            (
                "a.sql.jinja",
                "{% macro bad() %}\n{{ a b }}{% endmacro %}\n{% macro good() %}1{% endmacro %}\n{% macro worse() %}{% nope %}{% endmacro %}",
            ),
            ("b.sql.jinja", "{% macro open() %}{{ 'x"),
            ("c.sql.jinja", "{% macro fine() %}2{% endmacro %}"),
        ],
    );
    let problems: Vec<(&str, String)> =
        project.problems.iter().map(|problem| (problem.code.id, told(&project, problem).0)).collect();
    assert_eq!(
        problems,
        [
            ("E0201", "a.sql.jinja:2:6 b".to_owned()),
            ("E0201", "a.sql.jinja:4:23 nope".to_owned()),
            ("E0201", "b.sql.jinja:1:24 ".to_owned())
        ]
    );
    assert_eq!(project.output(), "12");
}

#[test]
fn a_call_of_a_broken_macro_points_at_what_breaks_it() {
    let project = project("\n{{ bad() }}", &[("a.sql.jinja", "{% macro bad() %}{{ a b }}{% endmacro %}")]);
    let problem = project.error();
    assert_eq!(
        (problem.code.id, told(&project, &problem)),
        ("E0201", ("a.sql.jinja:1:23 b".to_owned(), vec!["bad m.sql:2:4".to_owned()]))
    );
}

#[test]
fn refuses_two_macros_of_one_name_and_names_of_functions() {
    let project = project(
        "{{ a() }}",
        &[
            ("a.sql.jinja", "{% macro a() %}1{% endmacro %}{% macro ref(x) %}{% endmacro %}"),
            ("b.sql.jinja", "{% macro a() %}2{% endmacro %}"),
        ],
    );
    let problems: Vec<(&str, &str, String)> = project
        .problems
        .iter()
        .map(|problem| (problem.code.id, problem.message.as_str(), told(&project, problem).0))
        .collect();
    assert_eq!(
        problems,
        [
            ("E0111", "`ref` is a name of suiro's own and cannot be a macro", "a.sql.jinja:1:40 ref".to_owned()),
            ("E0111", "there are two macros `a`", "b.sql.jinja:1:10 a".to_owned())
        ]
    );
    assert_eq!(project.problems[1].secondary.len(), 1);
    assert_eq!(project.output(), "1");
}

#[test]
fn a_place_far_down_is_still_exact() {
    let model = format!("{}select {{{{ zork }}}}", "-- comment\n".repeat(70_000));
    let project = project(&model, &[]);
    assert_eq!(told(&project, &project.error()).0, "m.sql:70001:11 zork");
}

#[test]
fn a_long_trace_is_shortened() {
    let project = project(
        "{{ m(20) }}",
        &[("a.sql.jinja", "{% macro m(n) %}{% if n == 0 %}{{ zork }}{% endif %}{{ m(n - 1) }}{% endmacro %}")],
    );
    let problem = project.error();
    assert_eq!(
        (problem.trace.len(), problem.notes.as_slice()),
        (8, ["13 more calls lie between these".to_owned()].as_slice())
    );
}

#[test]
fn the_engines_words_for_suggestions_are_up_to_date() {
    use crate::template::names::{FILTERS, TAGS, TESTS};
    for filter in FILTERS {
        let said = super::output(&format!("{{{{ 1|{filter} }}}}"), &[]);
        assert!(!said.contains("there is no filter"), "{filter}: {said}");
    }
    for test in TESTS {
        let said = super::output(&format!("{{{{ 1 is {test} }}}}"), &[]);
        assert!(!said.contains("there is no test"), "{test}: {said}");
    }
    for tag in TAGS {
        let said = super::output(&format!("{{% {tag} %}}"), &[]);
        assert!(!said.contains("is no tag"), "{tag}: {said}");
    }
}
