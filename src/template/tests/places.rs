//! Where rendered text was written: a marker put into any line of any file is found again at its place, or at the
//! expression of the model that printed it, and never anywhere else.

use super::{Project, project};
use crate::{
    source::{Place, Span},
    template::scan::{Kind, scan},
};

/// A text and its files of macros.
type Template = (&'static str, &'static [(&'static str, &'static str)]);

const MARKER: &str = "zqmk";

/// Templates in which every written line must be found exactly.
const EXACT: &[Template] = &[
    ("select 1\nfrom x\n", &[]),
    ("select {{ var('start_date') }} as a,\n  b\nfrom x", &[]),
    ("a\n{%- if true %}\n  b\n{%- else %}\n  c\n{%- endif %}\nd", &[]),
    ("a {{- 'x' -}} b\n\n {{- 'y' }}  c", &[]),
    ("{% raw -%}\n  {{ not }} a tag\n  b\n{%- endraw -%}\n c", &[]),
    ("{% for i in [1, 2, 3] -%}\n  col_{{ i }} as c{{ i }}{{ ',' if not loop.last }}\n{% endfor %}from t", &[]),
    ("{# a\n comment #}select 1 {#- b -#} from x", &[]),
    ("select {{ m('a') }} from x", &[("x.sql.jinja", "{% macro m(c) %}\n  sum({{ c }})\n  over ()\n{% endmacro %}")]),
    (
        "{{ m() }}",
        &[("x.sql.jinja", "{% macro m() -%}\n  a\n  {%- if true %}\n  b\n  {%- endif %}\n  c\n{%- endmacro %}")],
    ),
    (
        "{{ outer(2) }}",
        &[(
            "x.sql.jinja",
            "{% macro inner(n) %}in {{ n }} er\n{% endmacro %}\n{% macro outer(n) %}<\n{{ inner(n) }}\n>{% endmacro %}",
        )],
    ),
    (
        "{{ a() }}{{ b() }}",
        &[
            ("x.sql.jinja", "{% macro a() %}from a\n{{ b() }}{% endmacro %}"),
            ("y.sql.jinja", "\n\n{% macro b() %}from b{% endmacro %}"),
        ],
    ),
    ("x {{ m()|trim }} y", &[("x.sql.jinja", "{% macro m() %}\n\n  a b\n  c\n\n{% endmacro %}")]),
    (
        "with q as (\n    {{ m()|indent(4) }}\n)",
        &[("x.sql.jinja", "{% macro m() %}select a\n  from b\n\nwhere c{% endmacro %}")],
    ),
    ("{{ [m(1), m(2)]|join(',\n') }}", &[("x.sql.jinja", "{% macro m(n) %}col {{ n }} x{% endmacro %}")]),
    ("{% set q %}\nselect a\nfrom b\n{% endset %}{{ q }} union {{ q }}", &[]),
    ("{% set q %}select a{% endset %}{{ q ~ ' ' ~ q }}", &[]),
    ("{% macro here(x) %}\nlocal {{ x }} text\n{% endmacro %}a {{ here(1) }} b {{ here(2) }}", &[]),
    (
        "{% call m() %}\nbody of\nthe call\n{% endcall %}",
        &[("x.sql.jinja", "{% macro m() %}before\n{{ caller() }}\nafter{% endmacro %}")],
    ),
    (
        "{% call(i) m([1, 2]) %}\nitem {{ i }}\n{% endcall %}",
        &[("x.sql.jinja", "{% macro m(l) %}{% for i in l %}- {{ caller(i) }}{% endfor %}{% endmacro %}")],
    ),
    ("{% filter trim %}\n a b\n c\n{% endfilter %} d", &[]),
    ("a\n{% include 'i.sql' %}\nb", &[("i.sql", "included {{ 1 }}\nlines")]),
    (
        "{% include 'i.sql' %}",
        &[
            ("i.sql", "one\n{% include 'j.sql' %}"),
            ("j.sql", "two\n{{ m() }}"),
            ("x.sql.jinja", "{% macro m() %}three{% endmacro %}"),
        ],
    ),
    (
        "{% import 'x.sql.jinja' as x %}{{ x.m() }} and {{ x.n() }}",
        &[("x.sql.jinja", "{% macro m() %}from m{% endmacro %}\n{% macro n() %}{{ m() }}\nfrom n{% endmacro %}")],
    ),
    ("{% from 'x.sql.jinja' import m as k %}{{ k() }}", &[("x.sql.jinja", "{% macro m() %}\r\na\r\nb{% endmacro %}")]),
    (
        "{{ m(3) }}",
        &[(
            "x.sql.jinja",
            "{% macro m(n) %}level {{ n }}\n{% if n > 0 %}{{ m(n - 1) }}{% endif %}\nback {{ n }}{% endmacro %}",
        )],
    ),
    ("{% for n in [{'c': [{'c': []}]}] recursive %}<node\n{{ loop(n.c) }}>{% endfor %}", &[]),
    ("a\r\n{{ m() }}\r\nb\r\n", &[("x.sql.jinja", "{% macro m() %}c\r\n  d\r\n{% endmacro %}\r\n")]),
    (
        "select '漢字 かな' as 列名,\n  {{ m('値') }}\n  -- 日本語の注釈\nfrom 表",
        &[("x.sql.jinja", "{# 説明 #}{% macro m(v) %}関数（{{ v }}）\n  別名{% endmacro %}")],
    ),
    (
        "{% set ns = namespace(q='') %}{% for i in [1, 2] %}{% set ns.q = ns.q ~ m(i) %}{% endfor %}{{ ns.q }}",
        &[("x.sql.jinja", "{% macro m(i) %}part {{ i }}\n{% endmacro %}")],
    ),
    (
        "{{ pick() }}",
        &[(
            "x.sql.jinja",
            "{% macro text() %}returned\nlines{% endmacro %}{% macro pick() %}never{{ return(text()) }}{% endmacro %}",
        )],
    ),
    (
        "{% for s in all() %}{{ s }};{% endfor %}",
        &[(
            "x.sql.jinja",
            "{% macro one() %}first one{% endmacro %}{% macro two() %}second\none{% endmacro %}{% macro all() %}{{ return([one(), two()]) }}{% endmacro %}",
        )],
    ),
    ("{% with a = m() %}x {{ a }} y{% endwith %}", &[("x.sql.jinja", "{% macro m() %}with\nit{% endmacro %}")]),
    ("{% if m()|length > 3 %}long\n{% endif %}{{ m() }}", &[("x.sql.jinja", "{% macro m() %}some text{% endmacro %}")]),
    (
        "{{ m(caller_name='x', other=n()) }}",
        &[(
            "x.sql.jinja",
            "{% macro m(caller_name, other) %}{{ caller_name }} or\n{{ other }}{% endmacro %}{% macro n() %}another\none{% endmacro %}",
        )],
    ),
    (
        "{{ m() if true else n() }}",
        &[("x.sql.jinja", "{% macro m() %}yes\nindeed{% endmacro %}{% macro n() %}no{% endmacro %}")],
    ),
    ("{{ m().split('\\n')[1] }}", &[("x.sql.jinja", "{% macro m() %}one\ntwo\nthree{% endmacro %}")]),
    ("{{ m()|lines|reverse|join(' ') }}", &[("x.sql.jinja", "{% macro m() %}one\ntwo\nthree{% endmacro %}")]),
    (
        "{{ wrap(m()) }}",
        &[(
            "x.sql.jinja",
            "{% macro m() %}core\ntext{% endmacro %}{% macro wrap(q) %}(\n{{ q|trim|indent }}\n) as w{% endmacro %}",
        )],
    ),
    ("{{- m() -}}\n\n  tail", &[("x.sql.jinja", "{%- macro m() -%}\n\n  a  \n\n{%- endmacro -%}")]),
    (
        "{% macro a() %}A{{ caller() }}{% endmacro %}{% call a() %}\n  {% call a() %}deep\n{% endcall %}\n{% endcall %}",
        &[],
    ),
    ("{{ surrogate_key(['a', 'b']) }} as key", &[]),
    (
        "{% extends 'base.sql' %}{% block q %}own\n{{ super() }} {{ m() }}{% endblock %}",
        &[
            ("base.sql", "begin\n{% block q %}base\nblock{% endblock %}\nend"),
            ("x.sql.jinja", "{% macro m() %}from m{% endmacro %}"),
        ],
    ),
    (
        "{{ m() ~ m() }}\n{{ m() }}",
        &[("x.sql.jinja", "{% macro m() %}twice {% raw %}{{ raw }}{% endraw %} over{% endmacro %}")],
    ),
    (
        "{{ dict(q=m()).q }} {{ [m()][0] }} {{ {'k': m()}['k'] }}",
        &[("x.sql.jinja", "{% macro m() %}in a map{% endmacro %}")],
    ),
];

/// Templates in which some lines cannot be told with certainty; there the expression of the model is right.
const COARSE: &[Template] = &[
    // The two that once got a wrong place.
    ("{{ m()|reverse }}", &[("x.sql.jinja", "{% macro m() %}abba\nabc cba{% endmacro %}")]),
    ("{{ (m()|indent) ~ 'x' }}", &[("x.sql.jinja", "{% macro m() %}a\nb x\nx{% endmacro %}")]),
    // What is longer or shorter than it was written, so that a place would be beside the right one.
    ("{{ m()|replace('a', 'aaa') }}", &[("x.sql.jinja", "{% macro m() %}a b a\nc a d{% endmacro %}")]),
    (
        "{{ m()|replace('a ', '') }} {{ m().replace('b', '') }}",
        &[("x.sql.jinja", "{% macro m() %}a b a\nc a d{% endmacro %}")],
    ),
    // What changes the text, or what depends on it.
    ("{{ m()|upper }}", &[("x.sql.jinja", "{% macro m() %}ABC\ndef{% endmacro %}")]),
    (
        "{{ m()|replace('a', 'b') }} {{ m()|replace('zqmk', 'zqmk') }}",
        &[("x.sql.jinja", "{% macro m() %}a a\nc c{% endmacro %}")],
    ),
    ("{{ m()|replace('a\\n', '') ~ 'a' }}", &[("x.sql.jinja", "{% macro m() %}a\na\nb{% endmacro %}")]),
    ("{{ m()[2:] }} {{ m()[:4] }}", &[("x.sql.jinja", "{% macro m() %}ab ab ab\nab ab{% endmacro %}")]),
    ("{{ m()|list|sort|join }}", &[("x.sql.jinja", "{% macro m() %}ba\nab{% endmacro %}")]),
    ("{{ m()|list|unique|join }}", &[("x.sql.jinja", "{% macro m() %}abc{% endmacro %}")]),
    (
        "{{ m()|title }} {{ m()|capitalize }} {{ m()|lower }}",
        &[("x.sql.jinja", "{% macro m() %}some Words\nhere{% endmacro %}")],
    ),
    ("{{ m()|tojson }} {{ m()|length }} {{ [m()] }}", &[("x.sql.jinja", "{% macro m() %}a \"b\"\nc{% endmacro %}")]),
    ("{% if m() == 'a' %}x{% else %}a{% endif %}{{ m() }}", &[("x.sql.jinja", "{% macro m() %}a{% endmacro %}")]),
    (
        "{% if m() == 'a' %}same text{% else %}same text{% endif %}",
        &[("x.sql.jinja", "{% macro m() %}a{% endmacro %}")],
    ),
    (
        "{{ n()|int + 1 }} {{ m() }}",
        &[("x.sql.jinja", "{% macro n() %}41{% endmacro %}{% macro m() %}text{% endmacro %}")],
    ),
    ("{{ {'a': 'found'}[m()] }}", &[("x.sql.jinja", "{% macro m() %}a{% endmacro %}")]),
    (
        "{{ m()|lines|sort|join(' ') }} {{ m()|lines|unique|join(' ') }}",
        &[("x.sql.jinja", "{% macro m() %}b b\na\nb b\na{% endmacro %}")],
    ),
    ("{% for c in m() %}{{ c }}{% endfor %}", &[("x.sql.jinja", "{% macro m() %}ab ab{% endmacro %}")]),
    (
        "{{ '%s and %s'|format(m(), m()) }}{{ '{0}{0}'.format(m()) }}",
        &[("x.sql.jinja", "{% macro m() %}fill\ning{% endmacro %}")],
    ),
    ("{{ 'x' if 'b' in m() else 'y' }}{{ m() }}", &[("x.sql.jinja", "{% macro m() %}a b c{% endmacro %}")]),
    (
        "{{ show('written zqm in the call') }}",
        &[("x.sql.jinja", "{% macro show(x) %}<{{ x }}>\n{{ 'in the' ~ ' macro' }}{% endmacro %}")],
    ),
    ("{% set x = 'a value' %}{{ x }}\n{{ x ~ ' more' }}", &[]),
    (
        "{{ m()|batch(2)|list }}{{ m().replace('a', 'aa') }}{{ m().strip('a') }}",
        &[("x.sql.jinja", "{% macro m() %}a b a{% endmacro %}")],
    ),
    (
        "{% autoescape true %}{{ m() }}<{{ '<' ~ m() }}{% endautoescape %}",
        &[("x.sql.jinja", "{% macro m() %}a < b{% endmacro %}")],
    ),
    (
        "{{ m(m(m('x'))) }}{{ (m('a') ~ m('b'))|replace('b', 'a') }}",
        &[("x.sql.jinja", "{% macro m(x) %}[{{ x }}\n]{% endmacro %}")],
    ),
];

/// How many markers were looked for, and how many of them were found exactly.
#[derive(Debug, Default)]
struct Score {
    seen: usize,
    exact: usize,
}

/// Puts the marker into every line of every file, and looks for it.
fn check(front: &str, (model, macros): &Template, must_be_exact: bool, score: &mut Score) {
    for which in 0..=macros.len() {
        let text = if which == macros.len() { model } else { macros[which].1 };
        for at in positions(text) {
            let marked = format!("{}{MARKER}{}", &text[..at], &text[at..]);
            let mut files: Vec<(&str, &str)> = macros.to_vec();
            let mut model = format!("{front}{model}");
            if which == macros.len() {
                model = format!("{front}{marked}");
            } else {
                files[which].1 = &marked;
            }
            let mut project = project(&model, &files);
            project.start = front.len();
            let file = if which == macros.len() {
                project.model
            } else {
                project.sources.find(&format!("templates/macros/{}", files[which].0)).unwrap()
            };
            let at = if which == macros.len() { front.len() + at } else { at };
            let written = Span::new(file, at..at + MARKER.len());
            look(&project, written, must_be_exact, score);
        }
    }
}

/// Looks for the marker, which stands at `written`, in the rendered text.
fn look(project: &Project, written: Span, must_be_exact: bool, score: &mut Score) {
    let Ok(rendered) = project.render() else { return };
    let whole = project.sources.get(written.file).text();
    let start = if written.file == project.model { project.start } else { 0 };
    let pieces = scan(whole, start).unwrap_or_default();
    let is_text = pieces.iter().any(|piece| {
        matches!(piece.kind, Kind::Text | Kind::Raw)
            && piece.inner.start <= written.start
            && written.end <= piece.inner.end
    });
    for (at, _) in rendered.text.match_indices(MARKER) {
        let range = at..at + MARKER.len();
        let place = project.place(&rendered, range.clone());
        let exact = Place { span: written, calls: place.calls.clone() };
        let coarse = rendered.map.place(range);
        score.seen += 1;
        score.exact += usize::from(place == exact);
        let describe = || {
            format!(
                "{:?} in\n{}\nwas found at {:?} {:?}",
                written,
                rendered.text,
                project.at(place.span),
                project.written(place.span)
            )
        };
        assert!(place == exact || place == coarse, "{}", describe());
        assert!(place == exact || place.span.file == project.model, "{}", describe());
        if must_be_exact && is_text {
            assert!(place == exact, "{}", describe());
            if written.file != project.model && !project.text().contains("extends") {
                let outermost = place.calls.first().unwrap_or_else(|| panic!("no calls: {}", describe()));
                assert_eq!(outermost.call.file, project.model, "{}", describe());
            }
        }
    }
}

/// Places for a marker: the start, the end, and before each word of each line.
fn positions(text: &str) -> Vec<usize> {
    let mut found = vec![0];
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        if (before.is_whitespace() || before == '}') != (character.is_whitespace() || character == '{')
            || before == '\n'
        {
            found.push(at);
        }
        before = character;
    }
    found.push(text.len());
    found.dedup();
    found
}

#[test]
fn every_written_line_is_found_again() {
    let mut score = Score::default();
    for template in EXACT {
        check("", template, true, &mut score);
    }
    assert!(score.seen > 600 && score.exact * 10 > score.seen * 9, "{score:?}");
}

#[test]
fn front_matter_shifts_nothing() {
    let mut score = Score::default();
    for template in EXACT.iter().skip(1).step_by(3) {
        check("/*---\nmeta: {漢字: \"{{ {% raw\"}\n---*/\n", template, true, &mut score);
    }
    assert!(score.seen > 200, "{score:?}");
}

#[test]
fn what_cannot_be_told_is_never_guessed() {
    let mut score = Score::default();
    for template in COARSE {
        check("", template, false, &mut score);
    }
    assert!(score.seen > 200 && score.exact > 20 && score.exact < score.seen, "{score:?}");
}

/// A generator of numbers that is the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Fragments of templates; `@` is another fragment, `^` an expression.
const FRAGMENTS: &[&str] = &[
    "word",
    " two words ",
    "\n",
    "\r\n",
    "  indented\n",
    "漢字 ",
    "x",
    "aa",
    "",
    "@@",
    "@ @",
    "{{ ^ }}",
    "{{- ^ }}",
    "{{ ^ -}}",
    "{%- if ^ %}@{% else -%}@{%- endif %}",
    "{% if true %}@{% endif -%}",
    "{% for i in [1, 2] %}@{{ i }}{% endfor %}",
    "{% set v %}@{% endset %}{{ v }}",
    "{% set v = ^ %}{{ v }}{{ v }}",
    "{% call m1() %}@{% endcall %}",
    "{% filter trim %}@{% endfilter %}",
    "{% filter upper %}@{% endfilter %}",
    "{% raw %} {{ raw }} {% endraw %}",
    "{#- note -#}",
    "{% with w = ^ %}@{{ w }}{% endwith %}",
    "{% include 'i.sql' %}",
    "{% macro l() -%} @ {%- endmacro %}{{ l() }}",
    "{% set n = namespace(a=^) %}{% set n.a = n.a ~ ^ %}{{ n.a }}",
];

const EXPRESSIONS: &[&str] = &[
    "m0()",
    "m1()",
    "m0()|trim",
    "m0()|indent",
    "(m0()|indent) ~ 'x'",
    "m1()|reverse",
    "m0()|upper",
    "m0() ~ m1()",
    "[m0(), m1()]|join(', ')",
    "m2(^)",
    "m2(^)|trim",
    "^ ~ ^",
    "'text'",
    "m0()|replace('a', 'b')",
    "m1()|length",
    "m0()[1:]",
    "m0() == m1()",
    "'a' in ^",
    "^ if ^ else ^",
    "m1()|lines|reverse|join(' ')",
    "m0()|lines|sort|join(',')",
    "{'k': ^}.k",
    "[^, ^][1]",
    "m2(m2(^))",
    "m0().split(' ')|last",
    "m3()",
];

fn grow(random: &mut Random, from: &[&str], depth: usize) -> String {
    let shape = if depth == 0 { random.pick(&from[..7.min(from.len())]) } else { random.pick(from) };
    let mut text = String::new();
    for character in shape.chars() {
        match character {
            '@' => text += &grow(random, FRAGMENTS, depth.saturating_sub(1)),
            '^' if depth == 0 => text += "'e'",
            '^' => text += &grow(random, EXPRESSIONS, depth - 1),
            other => text.push(other),
        }
    }
    text
}

#[test]
fn random_templates_are_never_misplaced() {
    let mut random = Random(0x5EED_0001);
    let mut score = Score::default();
    let mut rendered = 0;
    for _ in 0..4_000 {
        let model = format!("{}{}", grow(&mut random, FRAGMENTS, 3), grow(&mut random, FRAGMENTS, 3));
        let body = |random: &mut Random| grow(random, FRAGMENTS, 2).replace("m0()", "'m'").replace("m1()", "'n'");
        let macros = format!(
            "{{% macro m0() %}}{}{{% endmacro %}}\n{{% macro m1() -%}}{}{{{{ caller() if caller is defined }}}}{{% endmacro %}}\n\
             {{% macro m2(a) %}}{}{{{{ a }}}}{}{{% endmacro %}}{{% macro m3() %}}{{{{ return(m0()) }}}}{{% endmacro %}}",
            body(&mut random).replace("m2(", "(").replace("m3()", "'o'"),
            body(&mut random).replace("m2(", "(").replace("m3()", "'o'").replace("{% call m1() %}", "{% call m0() %}"),
            grow(&mut random, FRAGMENTS, 0),
            grow(&mut random, FRAGMENTS, 0),
        );
        let files = [("x.sql.jinja", macros.as_str()), ("i.sql", "included\nlines")];
        // One marker in each, at a random place of their text.
        for which in 0..2 {
            let text = if which == 0 { model.as_str() } else { macros.as_str() };
            let places: Vec<usize> = positions(text);
            let at = places[random.below(places.len())];
            let marked = format!("{}{MARKER}{}", &text[..at], &text[at..]);
            let project = match which {
                0 => project(&marked, &files),
                _ => project(&model, &[("x.sql.jinja", &marked), files[1]]),
            };
            let file =
                if which == 0 { project.model } else { project.sources.find("templates/macros/x.sql.jinja").unwrap() };
            rendered += usize::from(project.render().is_ok());
            look(&project, Span::new(file, at..at + MARKER.len()), false, &mut score);
        }
    }
    assert!(rendered > 3_000 && score.seen > 1_000 && score.exact > 700, "{rendered} {score:?}");
}

#[test]
fn a_place_in_a_macro_comes_with_its_calls() {
    let macros = [
        ("a.sql.jinja", "{% macro outer(x) %}\n  {{ inner(x) }}\n{% endmacro %}"),
        ("b.sql.jinja", "{% macro inner(x) %}\n\n  sum({{ x }}) over w{% endmacro %}"),
    ];
    let project = project("select 1,\n  {{ outer('amount') }} as total\nfrom t", &macros);
    let rendered = project.render().unwrap();
    let place_of = |word: &str| {
        let at = rendered.text.find(word).unwrap();
        project.place(&rendered, at..at + word.len())
    };
    let place = place_of("over w");
    assert_eq!(
        (project.at(place.span), project.written(place.span)),
        ("templates/macros/b.sql.jinja:3:16".to_owned(), "over w")
    );
    let calls: Vec<(&str, String, &str)> =
        place.calls.iter().map(|frame| (&*frame.name, project.at(frame.call), project.written(frame.call))).collect();
    assert_eq!(
        calls,
        [
            ("outer", "models/m.sql:2:6".to_owned(), "outer('amount')"),
            ("inner", "templates/macros/a.sql.jinja:2:6".to_owned(), "inner(x)")
        ]
    );
    // The argument was written in the model, and there it is found.
    let place = place_of("amount");
    assert_eq!(
        (project.at(place.span), project.written(place.span)),
        ("models/m.sql:2:6".to_owned(), "outer('amount')")
    );
    // The model's own text needs no macros.
    assert_eq!(project.at(place_of("as total").span), "models/m.sql:2:25");
}

#[test]
fn calls_name_where_a_value_was_made_and_not_where_it_was_printed() {
    let macros = [("a.sql.jinja", "{% macro m() %}from m{% endmacro %}")];
    let project = project("{% set x = m() %}\n\n{{ x }}", &macros);
    let rendered = project.render().unwrap();
    let at = rendered.text.find("from").unwrap();
    let place = project.place(&rendered, at..at + 4);
    assert_eq!(project.at(place.span), "templates/macros/a.sql.jinja:1:16");
    assert_eq!(place.calls.len(), 1);
    assert_eq!(project.at(place.calls[0].call), "models/m.sql:1:12");
}

#[test]
fn a_decision_that_marks_would_change_is_noticed() {
    // With marks in it, what `m` prints is not 'a': the same text would come from the other branch.
    let macros = "{% macro m() %}a{% endmacro %}\n{% macro w() %}{% if m() == 'a' %}same text{% else %}same text{% endif %}{% endmacro %}";
    let project = project("{{ w() }}", &[("a.sql.jinja", macros)]);
    let rendered = project.render().unwrap();
    let at = rendered.text.find("text").unwrap();
    assert_eq!(project.at(project.place(&rendered, at..at + 4).span), "models/m.sql:1:4");
}

#[test]
fn text_that_looks_like_marks_is_left_alone() {
    let macros = [("a.sql.jinja", "{% macro m() %}a \u{F0000}\u{F0010} b{% endmacro %}")];
    let project = project("{{ m() }}", &macros);
    let rendered = project.render().unwrap();
    assert_eq!(project.at(project.place(&rendered, 0..1).span), "models/m.sql:1:4");
}
