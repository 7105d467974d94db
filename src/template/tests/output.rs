//! What templates print and remember.

use super::{output, project};
use crate::template::{Ref, Scope, SecretRead, render_setting};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// Text, files of macros, and what comes out.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const CASES: &[Case] = &[
    // Text without tags is not touched.
    ("select 1 as \"{x}\" -- { %\r\n", &[], "select 1 as \"{x}\" -- { %\r\n"),
    // White space control, and the line break at the end stays.
    ("a {%- if true %} b {%- endif %}\n", &[], "a b\n"),
    ("a\n\n{{- 'x' -}}\n\nb", &[], "axb"),
    ("{% raw %}{{ x }}{% endraw %}{# gone #}", &[], "{{ x }}"),
    // Names for the SQL's reader.
    ("{{ ref('orders') }}", &[], "\"__suiro_ref\".\"orders\""),
    ("{{ ref('pkg', 'or\"ders', v=2) }}", &[], "\"__suiro_ref\".\"or\"\"ders\""),
    ("{{ source('raw', 'Orders') }}", &[], "\"__suiro_source:raw\".\"Orders\""),
    (
        "{{ this }} {{ this.schema }} {{ this.name }} {{ this.identifier }} {{ this.table }} {{ this.database }}",
        &[],
        "\"__suiro_this\".\"m\" core m m m shop",
    ),
    ("{{ ref('a') ~ '_x' }} {{ ref('a').name|upper }}", &[], "\"__suiro_ref\".\"a\"_x A"),
    (
        "{{ target.name }} {{ target.type }} {{ target.schema }} {{ target.dbname }} {{ target.threads }}",
        &[],
        "dev duckdb main shop 4",
    ),
    ("{{ instance.key }} {{ region }}", &[], "de eu"),
    ("{{ doc('orders') }} {{ doc('shop', 'orders') }}", &[], "What people bought. What people bought."),
    // Variables.
    (
        "{{ var('start_date') }} {{ var('no', 7) }} {{ var('no', default='x') }} {{ var.has_var('no') }}",
        &[],
        "2024-01-01 7 x False",
    ),
    ("{% for k, v in var('limits').items() %}{{ k }}={{ v }} {% endfor %}", &[], "z=1 a=2.5 none=None yes=True "),
    (
        "{{ env_var('HOST') }} {{ env_var('PORT', '5432') }} {{ env_var('PORT', default=1) + 1 }}",
        &[],
        "db.example 5432 2",
    ),
    ("{% if is_incremental() %}inc{% else %}full{% endif %}", &[], "full"),
    // Config prints nothing and answers what is known.
    (
        "{{ config(materialized='table', tags=['a', 'b']) }}{{ config.get('materialized') }}{{ config.get('no', 3) }}",
        &[],
        "table3",
    ),
    ("{{ config({'unique_key': 'id'}) }}{{ config.require('unique_key') }}", &[], "id"),
    ("{{ log('said', info=true) }}{{ print('x') }}ok", &[], "ok"),
    // Macros without import, in any file and order, calling each other.
    (
        "{{ a(2) }}",
        &[
            ("x.sql.jinja", "{% macro b(n) %}[{{ n }}]{% endmacro %}"),
            ("y.sql.jinja", "{% macro a(n) %}{{ b(n) }}{{ c() }}{% endmacro %}{% macro c() %}!{% endmacro %}"),
        ],
        "[2]!",
    ),
    // `return` gives a value, not a text, and ends the macro.
    (
        "{% for c in columns_of() %}{{ c }},{% endfor %}",
        &[(
            "x.sql.jinja",
            "{% macro columns_of() %}{% if true %}{{ return(['a', 'b']) }}{% endif %}never{% endmacro %}",
        )],
        "a,b,",
    ),
    (
        "{{ outer() }}",
        &[(
            "x.sql.jinja",
            "{% macro inner() %}{{ return(1) }}{% endmacro %}{% macro outer() %}<{{ inner() + 1 }}>{% endmacro %}",
        )],
        "<2>",
    ),
    (
        "{% call wrap() %}body{% endcall %}",
        &[("x.sql.jinja", "{% macro wrap() %}({{ caller() }}){% endmacro %}")],
        "(body)",
    ),
    (
        "{% call(x) each([1, 2]) %}<{{ x }}>{% endcall %}",
        &[("x.sql.jinja", "{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}")],
        "<1><2>",
    ),
    (
        "{{ fact(5) }}",
        &[("x.sql.jinja", "{% macro fact(n) %}{{ n if n < 2 else fact(n - 1)|int * n }}{% endmacro %}")],
        "120",
    ),
    (
        "{{ pick(b=2) }}{{ pick(1) }}",
        &[("x.sql.jinja", "{% macro pick(a=0, b=9) %}{{ a }}{{ b }};{% endmacro %}")],
        "02;19;",
    ),
    // `return` ends the innermost call, also of a macro that calls itself, and of an imported one.
    (
        "{{ fact(5) + 1 }} {{ up(3)|join(',') }}",
        &[(
            "x.sql.jinja",
            "{% macro fact(n) %}{% if n < 2 %}{{ return(1) }}{% endif %}{{ return(n * fact(n - 1)) }}{% endmacro %}\
             {% macro up(n) %}{{ return((up(n - 1) if n > 1 else []) + [n]) }}{% endmacro %}",
        )],
        "121 1,2,3",
    ),
    (
        "{% import 'x.sql.jinja' as x %}{{ x.f(4) + 1 }}",
        &[(
            "x.sql.jinja",
            "{% macro f(n) %}{{ return(0 if n == 0 else g(n) + 1) }}{% endmacro %}{% macro g(n) %}{{ return(f(n - 1)) }}{% endmacro %}",
        )],
        "5",
    ),
    // A private name is known everywhere, too.
    (
        "{{ _a() }}{{ b() }}",
        &[("x.sql.jinja", "{% macro _a() %}a{% endmacro %}{% macro b() %}{{ _a() }}{% endmacro %}")],
        "aa",
    ),
    // A file of the project comes before a built-in one of the same name.
    ("{% include 'surrogate_key.sql.jinja' %}", &[("surrogate_key.sql.jinja", "mine")], "mine"),
    // What stands at the top of a macro file holds for its macros.
    ("{{ a() }}", &[("x.sql.jinja", "{% set unit = 'kg' %}{% macro a() %}{{ unit }}{% endmacro %}")], "kg"),
    // A macro of the project takes the place of a built-in one.
    ("{{ surrogate_key(['a']) }}", &[("x.sql.jinja", "{% macro surrogate_key(c) %}mine{% endmacro %}")], "mine"),
    (
        "{{ surrogate_key(['a', 'b']) }}",
        &[],
        "md5(coalesce(cast(a as varchar), chr(30)) || chr(31) || coalesce(cast(b as varchar), chr(30)))",
    ),
    // What is known without asking the database.
    ("{{ columns('orders')|join(',') }} {{ columns(ref('orders'), ['ID'])|length }}", &[], "id,Amount,a\"b 2"),
    ("{{ columns(source('raw', 'lines'), except='line') }}{{ columns('raw.lines')|last }}", &[], "['id']line"),
    (
        "{% for name, type in column_types('raw.lines', except=none).items() %}{{ name }}:{{ type }} {% endfor %}",
        &[],
        "id:text line:text ",
    ),
    ("{% for value in values('status') %}{{ value|literal }} {% endfor %}", &[], "'open' 'it''s' null 3 "),
    ("{{ 'a\"b'|quote }} {{ true|literal }}", &[], "\"a\"\"b\" true"),
    (
        "{{ star('orders', except='id', alias='o', suffix='_o') }}",
        &[],
        "o.\"Amount\" as \"Amount_o\", o.\"a\"\"b\" as \"a\"\"b_o\"",
    ),
    // A name of the template's own hides a function.
    ("{% set values = [1] %}{{ values }}{% for columns in [2] %}{{ columns }}{% endfor %}", &[], "[1]2"),
    // Imports and includes, by each way to name a file.
    (
        "{% import 'templates/macros/x.sql.jinja' as x %}{{ x.a() }}",
        &[("x.sql.jinja", "{% macro a() %}1{% endmacro %}")],
        "1",
    ),
    (
        "{% from 'sub/x.sql.jinja' import a as b %}{{ b() }}",
        &[("sub/x.sql.jinja", "{% macro a() %}1{% endmacro %}")],
        "1",
    ),
    (
        "{% include './sub/a.sql' %}",
        &[("sub/a.sql", "a{% include 'b.sql' %}"), ("sub/b.sql", "b"), ("b.sql", "no")],
        "ab",
    ),
    ("{% include ['no.sql', 'a.sql'] %}{% include 'no.sql' ignore missing %}", &[("a.sql", "a")], "a"),
    (
        "{% extends 'base.sql' %}{% block b %}own{{ super() }}{% endblock %}",
        &[("base.sql", "<{% block b %}base{% endblock %}>")],
        "<ownbase>",
    ),
    // What people bring from Jinja.
    (
        "{% set ns = namespace(all=[]) %}{% for i in range(3) %}{% set ns.all = ns.all + [i] %}{% endfor %}{{ ns.all|join(',') }}",
        &[],
        "0,1,2",
    ),
    (
        "{{ 'aBc'.upper() }} {{ ' a '.strip() }} {{ 'a,b'.split(',')|length }} {{ 'a.b'.replace('.', '_') }} {{ 'ab'.startswith('a') }}",
        &[],
        "ABC a 2 a_b True",
    ),
    (
        "{{ ', '.join(['a', 'b']) }} {{ '{}-{x}-{0}{{}}'.format(1, x=2) }} {{ {'a': 1}.get('b', 3) }} {{ {'a': 1}.values()|list }}",
        &[],
        "a, b 1-2-1{} 3 [1]",
    ),
    (
        "{% do log('x') %}{{ {'b': 1, 'a': [none, true]}|tojson }} {{ fromjson('{\"z\": [1]}').z[0] }} {{ tojson([1]) }}",
        &[],
        "{\"b\": 1, \"a\": [null, true]} 1 [1]",
    ),
    ("{{ ['b', 'a']|map('upper')|join('+') }} {{ 'x'|trim|replace('x', 'y') }}", &[], "B+A y"),
];

#[test]
fn prints_what_it_should() {
    for (model, macros, expected) in CASES {
        let project = project(model, macros);
        assert!(project.problems.is_empty(), "{model}: {:?}", project.problems);
        assert_eq!(project.output(), *expected, "{model}");
    }
}

#[test]
fn renders_the_same_every_time_and_in_every_thread() {
    let macros =
        [("x.sql.jinja", "{% macro a(n) %}{% for k in {'z': 1, 'y': 2, 'x': n} %}{{ k }}{% endfor %}{% endmacro %}")];
    let project = project("{{ a(1) }}{{ config(z=1, a=2, m=3) }}{{ ref('b') }}{{ ref('a') }}", &macros);
    let first = project.render().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(project.render().unwrap(), first);
                }
            });
        }
    });
}

#[test]
fn remembers_what_was_asked_for() {
    let model = "{{ config(materialized='incremental',\n  tags=['x', 'y'], meta={'a': {'b': 1}}) }}\nselect {{ var('start_date') }}, \
                 {{ env_var('HOST') }} from {{ ref('pkg', 'orders', version=3) }}, {{ source('raw', 'lines') }} \
                 {% if is_incremental() %}where x > (select max(x) from {{ this }}){% endif %} {{ a() }}{% include 'i.sql' %}";
    let macros = [
        (
            "x.sql.jinja",
            "{% macro a() %}{{ b() }}{{ log('hello ' ~ 1) }}{% endmacro %}{% macro b() %}{% endmacro %}{% macro c() %}{% endmacro %}",
        ),
        ("i.sql", "included"),
    ];
    let mut project = project(model, &macros);
    project.incremental = true;
    let recorded = project.render().unwrap().recorded;
    let config: Vec<(String, String, &str)> = recorded
        .config
        .iter()
        .map(|(key, (value, span))| (key.clone(), value.to_string(), project.written(*span)))
        .collect();
    let config: Vec<(&str, &str, &str)> = config.iter().map(|(key, value, at)| (&**key, &**value, *at)).collect();
    assert_eq!(
        config,
        vec![
            ("materialized", "\"incremental\"", "materialized"),
            ("meta", "{\"a\":{\"b\":1}}", "meta"),
            ("tags", "[\"x\",\"y\"]", "tags"),
        ]
    );
    assert_eq!(project.at(recorded.config["tags"].1), "models/m.sql:2:3");
    let orders = Ref { package: Some("pkg".to_owned()), name: "orders".to_owned(), version: Some("3".to_owned()) };
    assert_eq!(recorded.refs.into_iter().collect::<Vec<_>>(), [orders]);
    assert_eq!(recorded.sources.into_iter().collect::<Vec<_>>(), [("raw".to_owned(), "lines".to_owned())]);
    assert_eq!(recorded.vars.into_iter().collect::<Vec<_>>(), ["start_date"]);
    assert_eq!(recorded.environment.into_iter().collect::<Vec<_>>(), ["HOST"]);
    assert_eq!(recorded.macros.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    let imported = super::project("{% import 'x.sql.jinja' as x %}{{ x.a() }}", &macros).render().unwrap().recorded;
    assert_eq!(imported.macros.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(recorded.files.into_iter().collect::<Vec<_>>(), ["templates/macros/i.sql"]);
    assert_eq!(recorded.logs, ["hello 1"]);
    assert!(recorded.uses_incremental && recorded.uses_this && recorded.secrets.is_empty());
    let plain = super::project("{{ 1 }}{% macro unused() %}{{ this }}{% endmacro %}", &[]).render().unwrap().recorded;
    assert!(!plain.uses_incremental && !plain.uses_this);
}

#[test]
fn the_last_config_wins_and_has_its_own_place() {
    let model = "{{ config(alias='a', tags='t') }}\n{% if true %}{{ config(alias = 'b') }}{% endif %}\n{{ set_it() }}\nselect 1";
    let project = project(model, &[("x.sql.jinja", "{% macro set_it() %}\n{{ config(enabled=false) }}{% endmacro %}")]);
    let config = project.render().unwrap().recorded.config;
    assert_eq!(config["alias"].0, json!("b"));
    assert_eq!(project.at(config["alias"].1), "models/m.sql:2:24");
    assert_eq!(project.at(config["tags"].1), "models/m.sql:1:22");
    assert_eq!(project.at(config["enabled"].1), "templates/macros/x.sql.jinja:2:11");
}

#[test]
fn config_from_elsewhere_is_known_and_the_texts_own_is_closer() {
    let mut project = project("{{ config.get('a') }}{{ config.get('b') }}{{ config(a=3) }}{{ config.get('a') }}", &[]);
    project.config = BTreeMap::from([("a".to_owned(), json!(1)), ("b".to_owned(), json!([2]))]);
    assert_eq!(project.output(), "1[2]3");
}

#[test]
fn both_modes_render_and_differ_only_where_asked() {
    let mut project = project("a{% if is_incremental() %} where {{ this }}{% endif %}", &[]);
    assert_eq!(project.output(), "a");
    project.incremental = true;
    assert_eq!(project.output(), "a where \"__suiro_this\".\"m\"");
}

#[test]
fn front_matter_is_not_rendered_and_places_count_from_the_file() {
    let front = "/*---\ntags: [\"{{ broken\"]\n---*/\n";
    let mut project = project(&format!("{front}select {{{{ var('start_date') }}}} from x"), &[]);
    project.start = front.len();
    let rendered = project.render().unwrap();
    assert_eq!(rendered.text, "select 2024-01-01 from x");
    let at = |word: &str| {
        let start = rendered.text.find(word).unwrap();
        rendered.map.place(start..start + word.len()).span
    };
    assert_eq!(project.at(at("from")), "models/m.sql:4:32");
    assert_eq!(project.written(at("from")), "from");
    assert_eq!(project.written(at("2024")), "var('start_date')");
    // The same without any tag.
    let mut plain = super::project(&format!("{front}select 1"), &[]);
    plain.start = front.len();
    let rendered = plain.render().unwrap();
    assert_eq!(
        (rendered.text.as_str(), plain.at(rendered.map.place(7..8).span)),
        ("select 1", "models/m.sql:4:8".to_owned())
    );
}

#[test]
fn secrets_are_told_with_their_place_and_whether_they_are_shown() {
    let model =
        "select '{{ env_var('SUIRO_SECRET_KEY')|upper }}'\n{% if env_var('SUIRO_SECRET_UNUSED') == 'x' %}1{% endif %}";
    let project = project(model, &[]);
    let secrets = project.render().unwrap().recorded.secrets;
    let told: Vec<(&str, String, bool)> =
        secrets.iter().map(|SecretRead { name, span, printed }| (&**name, project.at(*span), *printed)).collect();
    assert_eq!(
        told,
        [
            ("SUIRO_SECRET_KEY", "models/m.sql:1:12".to_owned(), true),
            ("SUIRO_SECRET_UNUSED", "models/m.sql:2:7".to_owned(), false)
        ]
    );
    assert!(!format!("{secrets:?}").contains("hunter22"));
}

#[test]
fn settings_see_the_environment_and_say_what_is_missing() {
    let project = project("port: \"{{ env_var('PORT') }}\"", &[]);
    let span = crate::source::Span::new(project.model, 6..29);
    let scope = Scope::of_settings(
        &BTreeMap::from([("n".to_owned(), json!(2))]),
        Arc::new(|name| (name == "PGHOST" || name == "SUIRO_SECRET_P").then(|| "found".to_owned())),
        None,
    );
    let render = |text: &str| render_setting(text, span, &scope, None);
    assert_eq!(render("{ plain }").unwrap().text, "{ plain }");
    let setting = render(
        "{{ env_var('PGHOST', 'no') }}:{{ env_var('PORT', 5432) }}/{{ var('n') + 1 }}{{ env_var('SUIRO_SECRET_P') }}",
    )
    .unwrap();
    assert_eq!(setting.text, "found:5432/3found");
    assert_eq!(setting.secrets.into_iter().collect::<Vec<_>>(), ["SUIRO_SECRET_P"]);
    assert_eq!(setting.environment.into_iter().collect::<Vec<_>>(), ["PGHOST", "PORT", "SUIRO_SECRET_P"]);
    let missing = render("{{ env_var('PORT') }}").unwrap_err().remove(0);
    assert_eq!((missing.code.id, missing.message.as_str()), ("E0108", "the environment variable `PORT` is not set"));
    assert_eq!(missing.primary.unwrap().span, span);
    for (text, code) in [
        ("{{ ref('x') }}", "E0202"),
        ("{{ target.name }}", "E0202"),
        ("{{ instance.x }}", "E0202"),
        ("{{ this }}", "E0202"),
        ("{{ a b }}", "E0201"),
        ("{{ x", "E0201"),
    ] {
        let problem = render(text).unwrap_err().remove(0);
        assert_eq!((problem.code.id, problem.primary.unwrap().span), (code, span), "{text}");
    }
}

#[test]
fn built_in_macros_can_be_read() {
    let project = project("", &[]);
    assert!(project.problems.is_empty(), "{:?}", project.problems);
    assert!(output("{{ surrogate_key }}", &[]).contains("<macro surrogate_key>"));
}

#[test]
fn settings_see_the_target_and_the_instance_once_they_are_known() {
    let target = crate::template::Target { name: "dev".into(), kind: "duckdb".into(), ..Default::default() };
    let instance = json!({"name": "de"});
    let scope = Scope::of_settings(&BTreeMap::new(), Arc::new(|_| None), Some(target));
    let project = project("", &[]);
    let span = crate::source::Span::new(project.model, 0..0);
    let render = |text: &str| render_setting(text, span, &scope, Some(&instance));
    assert_eq!(render("{{ target.name }}_{{ instance.name }}").unwrap().text, "dev_de");
    let wrong = render("{{ instanse.name }}").unwrap_err().remove(0);
    assert_eq!(wrong.help, ["did you mean `instance`?"]);
}

#[test]
fn of_two_macros_the_higher_layer_counts_whatever_the_order() {
    use crate::{
        source::{SourceFile, Sources},
        template::{MacroFile, Renderer},
    };
    let mut sources = Sources::default();
    let mut file = |path: &str, layer: usize, text: &str| {
        let id = sources.add(SourceFile::new(path, text));
        MacroFile { layer, ..MacroFile::new(id, path, text.into()) }
    };
    let mine = file("templates/macros/x.sql", 2, "{% macro a() %}mine{% endmacro %}");
    let theirs =
        file("vendor/macros/x.sql", 1, "{% macro a() %}theirs{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}");
    let again = file("templates/macros/y.sql", 2, "{% macro a() %}{% endmacro %}");
    for files in [[mine.clone(), theirs.clone()], [theirs, mine.clone()]] {
        let (renderer, problems) = Renderer::new(&files);
        assert!(problems.is_empty(), "{problems:?}");
        let base = project("{{ a() }} {{ b() }}{% import 'x.sql' as x %} {{ x.a() }}", &[]);
        assert_eq!(renderer.render(&base.input()).unwrap().text, "mine mine mine");
    }
    let (_, problems) = Renderer::new(&[mine, again]);
    assert_eq!(problems.iter().map(|problem| problem.code.id).collect::<Vec<_>>(), ["E0111"]);
}
