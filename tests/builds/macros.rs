//! Reuse: the built-in macros, macros of the project and of vendored folders, lists of values.

use crate::{on_both_engines, project::Project};

on_both_engines! {
    /// Columns by name, with capitals and words that are not ASCII.
    fn star_names_the_columns(project) {
        project.write("models/orders.csv", "id,Größe,\"select\"\n1,5,x\n2,,y\n");
        project.models(&[
            ("plain", "select {{ star('orders', except=['id']) }} from orders"),
            ("renamed", "select {{ star(ref('orders'), except='select', alias='o', prefix='o_') }} from orders as o"),
        ]);
        project.build(&[]);
        assert_eq!(project.rows("select \"Größe\", \"select\" from core.plain order by 2"), ["5|x", "NULL|y"]);
        assert_eq!(project.rows("select o_id, \"o_Größe\" from core.renamed order by 1"), ["1|5", "2|NULL"]);
    }

    /// A column for each value, a value with a quote and NULL too.
    fn pivot_counts_values(project) {
        project.write("models/orders.csv", "id,status,amount\n1,open,5\n1,open,6\n1,it's,7\n2,,8\n");
        let sum = "{{ pivot('status', ['open', \"it's\", none], then_value='amount', else_value=none) }}";
        project.models(&[
            ("counted", "select id, {{ pivot('status', ['open', \"it's\", none], prefix='n_') }} from orders group by id"),
            ("summed", &format!("select id, {sum} from orders group by id")),
        ]);
        project.build(&[]);
        assert_eq!(
            project.rows("select id, n_open, \"n_it's\", n_null from core.counted order by id"),
            ["1|2|1|0", "2|0|0|1"]
        );
        assert_eq!(
            project.rows("select id, open, \"it's\", \"null\" from core.summed order by id"),
            ["1|11|7|NULL", "2|NULL|NULL|8"]
        );
    }

    /// Relations of different columns below each other; the types hold also where a branch has only NULLs.
    fn union_relations_fills_what_is_missing(project) {
        project.write("models/a.csv", "id,day\n1,2024-01-01\n");
        project.write("models/b.csv", "id,Extra\n2,x\n");
        project.write("models/c.csv", "id\n3\n");
        project.models(&[
            ("every", "{{ union_relations([ref('c'), 'b', 'core.a']) }}"),
            ("some", "{{ union_relations(['a', 'b'], include=['id', 'day'], source_column=none) }}"),
        ]);
        project.build(&[]);
        assert_eq!(
            project.rows("select _source_relation, id, \"Extra\", day from core.every order by id"),
            ["core.a|1|NULL|2024-01-01", "b|2|x|NULL", "c|3|NULL|NULL"]
        );
        assert_eq!(project.rows("select * from core.some order by id"), ["1|2024-01-01", "2|NULL"]);
    }

    fn deduplicate_keeps_the_first(project) {
        project.write("models/orders.csv", "id,kind,day\n1,a,2024-01-01\n1,a,2024-01-02\n1,b,2024-01-03\n,a,2024-01-04\n,a,2024-01-05\n");
        project.models(&[
            ("latest", "{{ deduplicate(ref('orders'), ['id', 'kind'], 'day desc') }}"),
            ("nested", "select count(*) as n from ({{ deduplicate('orders', 'id', ['day', 'kind']) }}) as d"),
        ]);
        project.build(&[]);
        assert_eq!(
            project.rows("select id, kind, day from core.latest order by 3"),
            ["1|a|2024-01-02", "1|b|2024-01-03", "NULL|a|2024-01-05"]
        );
        assert_eq!(project.value("select n from core.nested"), "2");
    }

    /// The end is not part of it, and months are counted from the start.
    fn date_spine_has_each_date_once(project) {
        project.models(&[
            ("days", "{{ date_spine('day', \"date '2024-02-28'\", \"date '2024-03-02'\") }}"),
            ("weeks", "{{ date_spine('week', \"'2024-12-30'\", \"'2025-01-07'\") }}"),
            ("months", "{{ date_spine('month', \"date '2024-01-31'\", \"date '2024-05-01'\") }}"),
            ("quarters", "{{ date_spine('quarter', \"date '2023-02-01'\", \"timestamp '2023-05-01 00:00:01'\") }}"),
            ("years", "{{ date_spine('year', \"date '2020-02-29'\", \"date '2022-03-01'\") }}"),
            ("hours", "{{ date_spine('hour', \"timestamp '2024-01-01 22:30:00'\", \"timestamp '2024-01-02 00:30:00'\") }}"),
            ("none", "{{ date_spine('minute', \"date '2024-01-02'\", \"date '2024-01-02'\") }}"),
            ("ends", "select (select count(*) from none) as n, (select max(date_day) from days) as last"),
        ]);
        project.build(&[]);
        let dates = |name: &str, part: &str| project.rows(&format!("select date_{part} from core.{name} order by 1"));
        assert_eq!(dates("days", "day"), ["2024-02-28", "2024-02-29", "2024-03-01"]);
        assert_eq!(dates("weeks", "week"), ["2024-12-30", "2025-01-06"]);
        assert_eq!(dates("months", "month"), ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]);
        assert_eq!(dates("quarters", "quarter"), ["2023-02-01", "2023-05-01"]);
        assert_eq!(dates("years", "year"), ["2020-02-29", "2021-02-28", "2022-02-28"]);
        assert_eq!(dates("hours", "hour"), ["2024-01-01 22:30:00", "2024-01-01 23:30:00"]);
        assert_eq!(project.value("select n from core.ends"), "0");
    }

    /// Neither a separator in a value nor NULL makes two rows one.
    fn surrogate_keys_do_not_collide(project) {
        project.write("models/pairs.csv", "a,b\na,b\na-,b\na,-b\na-b,\n\"\",a-b\n,\"\"\n\"\",\nab,\"\"\n");
        project.models(&[
            ("keyed", "select {{ surrogate_key(['a', 'b']) }} as k from pairs"),
            ("single", "select {{ surrogate_key('a') }} as k from pairs"),
        ]);
        project.build(&[]);
        assert_eq!(project.value("select count(*) - count(distinct k) from core.keyed"), "0");
        assert_eq!(project.value("select count(distinct k) from core.single"), "6");
    }

    /// Files of macros import each other; a vendored folder shares its macros, and the project's own come first.
    fn macros_come_from_several_folders(project) {
        project.configure("template_paths: [templates, vendor/shared]");
        project.write("templates/macros/money.sql.jinja", "{% macro money(x) %}cast({{ x }} as numeric(10, 2)){% endmacro %}");
        project.write(
            "templates/macros/tax.sql.jinja",
            "{% from 'money.sql.jinja' import money as rounded %}{% macro gross(x) %}{{ rounded(x ~ ' * 1.1') }}{% endmacro %}",
        );
        project.write(
            "vendor/shared/macros/money.sql.jinja",
            "{% macro money(x) %}theirs{% endmacro %}{% macro cents(x) %}{{ x }} * 100{% endmacro %}",
        );
        project.write("vendor/shared/suiro.yml", "name: shared\n");
        project.write("vendor/shared/.git", "gitdir: ../../.git/modules/shared\n");
        project.models(&[
            ("a", "select {{ gross('10') }} as gross, {{ money('1') }} as money, {{ cents('2') }} as cents"),
            ("b", "{% import 'vendor/shared/macros/money.sql.jinja' as theirs %}select {{ theirs.cents('3') }} as cents"),
        ]);
        project.build(&[]);
        assert_eq!(project.value("select * from core.a"), "11.00|1.00|200");
        assert_eq!(project.value("select cents from core.b"), "300");
    }

    /// The values come from the database once, into a file, and the SQL from the file.
    fn values_are_fetched_into_a_file(project) {
        project.write("models/orders.csv", "id,Status\n1,open\n2,it's\n3,\n");
        let head = "# which columns there are\nquery: |\n  select distinct \"Status\" from orders order by 1 nulls last\n";
        project.write("values/status.yml", head);
        project.write("values/pairs.yml", "query: select id, \"Status\", id = 1 as first from orders where id < 3 order by id\n");
        project.models(&[("pivoted", "select {{ pivot('\"Status\"', values('status')) }} from orders")]);
        let ended = project.suiro(&["check"]);
        assert!(ended.status == 1 && ended.stderr.contains("suiro catalog values status"), "{}", ended.stderr);
        project.build(&["--select", "orders"]);
        let ended = project.suiro(&["catalog", "values"]);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("values/status.yml: 3 values, 3 new, 0 gone"), "{}", ended.stderr);
        let read = |name: &str| std::fs::read_to_string(project.path().join(name)).unwrap();
        assert_eq!(read("values/status.yml"), format!("{head}values:\n  - \"it's\"\n  - \"open\"\n  - null\n"));
        assert!(read("values/pairs.yml").ends_with("values:\n  - {\"id\":1,\"Status\":\"open\",\"first\":true}\n  - {\"id\":2,\"Status\":\"it's\",\"first\":false}\n"));
        project.build(&[]);
        assert_eq!(project.value("select open, \"it's\", \"null\" from core.pivoted"), "1|1|1");
        let ended = project.suiro(&["catalog", "values", "status"]);
        assert!(ended.stderr.contains("3 values, as before"), "{}", ended.stderr);
        let ended = project.suiro(&["catalog", "values", "statuss"]);
        assert!(ended.status == 64 && ended.stderr.contains("did you mean `status`?"), "{}", ended.stderr);
    }
}

#[test]
fn a_query_for_values_that_fails_is_named_with_its_file() {
    let project = Project::on_duckdb();
    project.models(&[("a", "select 1 as n")]);
    project.build(&[]);
    project.write("values/wrong.yml", "query: select nothing from a\n");
    project.write("values/unknown.yml", "query: select x from nowhere\n");
    project.write("values/many.yml", "query: select * from range(10001)\n");
    project.write("values/fine.yml", "query: select n from a\n");
    let ended = project.suiro(&["catalog", "values"]);
    assert_eq!(ended.status, 1, "{}", ended.stderr);
    for said in
        ["values/wrong.yml:1:8", "nothing", "E0302", "values/unknown.yml:1:8", "E0121", "fine.yml: 1 value, 1 new"]
    {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}
