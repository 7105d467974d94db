//! Templates that would not end, or would break the engine.

use super::project;
use std::time::{Duration, Instant};

/// Runs on a thread as small as those of the pool that renders models.
fn in_a_small_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(2 << 20).spawn_scoped(scope, work).unwrap().join().unwrap();
    });
}

#[test]
fn what_would_not_end_is_stopped_with_a_place() {
    let repeated = |unit: &str| format!("a\n{{{{ 1{} }}}}", unit.repeat(50_000));
    let macros = [
        (
            "m.sql.jinja",
            "{% macro rec(x) %}\n{{ rec(x) }}{% endmacro %}\
                         {% macro ping(x) %}{{ pong(x) }}{% endmacro %}{% macro pong(x) %}{{ ping(x) }}{% endmacro %}\
                         {% macro deep(x) %}{% if true %}{% for i in [1] %}{{ [deep(x)|trim ~ 'a']|join }}{% endfor %}{% endif %}{% endmacro %}\
                         {% macro calls(n) %}{{ caller() if false }}{% call calls(n) %}{{ n }}{% endcall %}{% endmacro %}\
                         {% macro back(x) %}{{ return([back(x)]) }}{% endmacro %}",
        ),
        ("self.sql", "x{% include 'self.sql' %}"),
        ("import.sql", "{% import 'import.sql' as me %}"),
        ("base.sql", "{% extends 'base.sql' %}"),
    ];
    let templates: &[(&str, &str)] = &[
        ("a\n{{ rec(1) }}", "E0204"),
        ("a\n{{ ping(1) }}", "E0204"),
        ("a\n{{ deep(1) }}", "E0204"),
        ("a\n{{ calls(1) }}", "E0204"),
        ("a\n{{ back(1) }}", "E0204"),
        ("a\n{% macro own() %}{{ own() }}{% endmacro %}{{ own() }}", "E0204"),
        ("a\n{% include 'self.sql' %}", "E0204"),
        ("a\n{% import 'import.sql' as me %}", "E0204"),
        ("a\n{% extends 'base.sql' %}", "E0204"),
        ("a\n{% for n in [1] recursive %}{{ loop([1]) }}{% endfor %}", "E0204"),
        ("a\n{% for a in range(9000) %}{% for b in range(9000) %}{{ a }}{% endfor %}{% endfor %}", "E0204"),
        ("a\n{{ 'x' * 1000000000 }}", "E0204"),
        ("a\n{{ '%1000000000d'|format(1) }}", "E0204"),
        ("a\n{{ ('{0}' * 100000).format('x' * 1000000)|length }}", "E0204"),
        ("a\n{{ [1] * 1000000000 }}", "E0204"),
        ("a\n{{ range(1000000000) }}", "E0204"),
        ("a\n{% for i in range(99999) %}{{ log('x' * 10000) }}{% endfor %}", "E0204"),
        (
            "a\n{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
            "E0204",
        ),
        (
            "a\n{% set n = namespace() %}{% for i in range(99) %}{% set n.x = [n.x, n.x] if i else [1, 1] %}{% endfor %}",
            "E0204",
        ),
        ("a\n{% set n = namespace() %}{% set n.x = n %}{{ n }}", "E0204"),
        ("a\n{% set n = namespace() %}{% set n.x = {'a': [n]} %}{{ n }}", "E0204"),
        ("a\n{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}", "E0204"),
    ];
    // A list of lists that are the same list: small to keep, without end to walk.
    let doubled = format!("{{% set x = [1] %}}{}", "{% set x = [x, x] %}".repeat(40));
    let nested = format!("{{% set x = [1] %}}{}", "{% set x = [x] %}".repeat(5_000));
    let doubled: Vec<String> = ["{{ x }}", "{{ x == x }}", "{{ x|tojson }}", "{% for a in x %}{{ a }}{% endfor %}", ""]
        .iter()
        .flat_map(|end| [format!("a\n{doubled}{end}"), format!("a\n{nested}{end}")])
        .chain([
            "a\n{% macro d(x, n) %}{% if n %}{{ d([x, x], n - 1) }}{% else %}{{ x }}{% endif %}{% endmacro %}{{ d([1], 40) }}"
                .to_owned(),
        ])
        .collect();
    let templates: Vec<(&str, &str)> =
        templates.iter().copied().chain(doubled.iter().map(|text| (text.as_str(), "E0204"))).collect();
    in_a_small_thread(|| {
        for (model, code) in &templates {
            let started = Instant::now();
            let project = project(model, &macros);
            assert!(project.problems.is_empty(), "{:?}", project.problems);
            let problem = project.error();
            let shown = project.shown(&problem);
            assert_eq!(problem.code.id, *code, "{shown}");
            assert!(problem.primary.is_some(), "{shown}");
            assert!(started.elapsed() < Duration::from_secs(20), "{model}");
        }
        for unit in ["+1", "|trim", ".a", "[0]", "()", " if x else 1", "**x", " ~ 1", " and 1", " is x", "*-x", " < 1"]
        {
            let problem = project(&repeated(unit), &[]).error();
            assert_eq!(problem.code.id, "E0204", "{unit}");
        }
        for model in [
            format!("{{{{ {}1 }}}}", "not ".repeat(50_000)),
            format!("{{{{ {}1", "(".repeat(50_000)),
            format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(50_000)),
            format!("{{% set {}a", "(".repeat(50_000)),
        ] {
            assert_eq!(project(&model, &[]).error().code.id, "E0204");
            let broken = project("{{ 1 }}", &[("x.sql.jinja", &model)]);
            assert_eq!(broken.problems[0].code.id, "E0204");
            assert_eq!(broken.output(), "1");
        }
        // As much of everything as is let through, at once.
        let most = format!(
            "{}{{{{ {}1{}{} }}}}{}{}",
            "{% if true %}".repeat(100),
            "(".repeat(10),
            "+1".repeat(470),
            ")".repeat(10),
            "{% if false %}".to_owned() + &"{% elif false %}".repeat(490) + "{% endif %}",
            "{% endif %}".repeat(100)
        );
        assert_eq!(project(&most, &[]).output(), "471");
        assert_eq!(
            project("{{ m() }}", &[("x.sql.jinja", &format!("{{% macro m() %}}{most}{{% endmacro %}}"))]).output(),
            "471"
        );
        // Nesting of blocks is bounded by the engine itself.
        let nested = format!("{}{}", "{% if true %}".repeat(5_000), "{% endif %}".repeat(5_000));
        assert_eq!(project(&nested, &[]).error().code.id, "E0204");
    });
}

#[test]
fn places_are_looked_for_within_the_same_bounds() {
    let macros = [("m.sql.jinja", "{% macro m(n) %}level {{ n }}\n{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}")];
    in_a_small_thread(|| {
        for depth in [10, 20, 30, 40, 45] {
            let project = project(&format!("{{{{ m({depth}) }}}}"), &macros);
            let Ok(rendered) = project.render() else { continue };
            let at = rendered.text.rfind("level").unwrap();
            let place = project.place(&rendered, at..at + 5);
            assert!(["level", &format!("m({depth})")].contains(&project.written(place.span)), "{depth}");
            assert!(place.calls.len() <= 8);
        }
    });
}

#[test]
fn no_text_makes_it_panic() {
    // Cut and joined pieces of templates, most of them broken.
    let parts = [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-",
        "+",
        "'",
        "\"",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "|",
        "=",
        "~",
        " ",
        "\n",
        "\r\n",
        "漢",
        "\u{0}",
        "\u{F0000}",
        "é",
        "set",
        "for",
        "in",
        "if",
        "endif",
        "endfor",
        "macro",
        "endmacro",
        "call",
        "raw",
        "endraw",
        "ref",
        "config",
        "x",
        "ns.x",
        "1",
        "1e9",
        "0x",
        "is",
        "not",
        "loop",
        "super()",
        "self",
        "include",
        "import",
        "as",
        "with",
        "block",
        "namespace()",
        "return(1)",
        "this",
        "execute",
        "m()",
        "caller()",
        "/*---",
        "---*/",
    ];
    let mut state = 0x9E37_79B9_u64;
    in_a_small_thread(move || {
        for _ in 0..6_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(parts[usize::try_from(state % parts.len() as u64).unwrap()]);
                if state & 0x100_0000 == 0 {
                    text.push(' ');
                }
            }
            let file = format!("{{% macro m() %}}{text}{{% endmacro %}}");
            let mut project = project(&text, &[("m.sql.jinja", &file)]);
            project.start = usize::try_from(state >> 32 & 3).unwrap();
            match project.render() {
                Ok(rendered) => {
                    for at in 0..=rendered.text.len() {
                        let _ = rendered.map.place(at..at + 1);
                    }
                    let _ = project.place(&rendered, 0..1);
                }
                Err(problems) => {
                    for problem in problems.iter().chain(&project.problems) {
                        assert!(problem.primary.is_some());
                        project.shown(problem);
                    }
                }
            }
        }
    });
}
