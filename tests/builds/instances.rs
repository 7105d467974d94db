//! One file, many models: `instances`.

use crate::on_both_engines;

const REPORT: &str = "/*---
instances:
  - {name: de, currency: EUR, codes: [1, 2]}
  - {name: jp, currency: JPY, codes: [3]}
tags: [report, \"{{ instance.currency }}\"]
description: \"Sales in {{ instance.name | upper }}.\"
---*/
select id, '{{ instance.currency }}' as currency, '{{ this.name }}' as me
from orders where code in ({{ instance.codes | join(', ') }})
";

on_both_engines! {
    /// Each is a model of its own, that others can read by its name.
    fn a_list_in_the_front_matter(project) {
        project.write("models/orders.csv", "id,code\n1,1\n2,2\n3,3\n");
        project.write("models/report.sql", REPORT);
        project.models(&[("both", "select id, currency from report_de union all select id, currency from report_jp")]);
        project.build(&[]);
        assert_eq!(project.rows("select * from core.report_de order by id"), ["1|EUR|report_de", "2|EUR|report_de"]);
        assert_eq!(project.rows("select * from core.report_jp"), ["3|JPY|report_jp"]);
        assert_eq!(project.value("select count(*) from core.both"), "3");
        // Selection by the file, by the path, by one of them, by what an instance gave.
        let list = |words: &[&str]| project.suiro(&[&["ls", "--select"], words].concat()).stdout;
        for words in [["instances:report"], ["path:models/report.sql"], ["tag:report"]] {
            assert_eq!(list(&words).lines().count(), 2, "{words:?}: {}", list(&words));
        }
        assert!(list(&["tag:JPY"]).contains("report_jp") && !list(&["tag:JPY"]).contains("report_de"));
        project.build(&["--select", "report_de+"]);
        let manifest = std::fs::read_to_string(project.path().join("target/manifest.json")).unwrap();
        assert!(manifest.contains(r#""description":"Sales in DE.""#), "{manifest}");
        assert!(manifest.contains(r#""instance_of":"report","instance":{"name":"de","currency":"EUR","codes":[1,2]}"#));
        for name in ["report_de", "report_jp"] {
            let compiled = project.path().join(format!("target/compiled/models/report/{name}.sql"));
            assert!(std::fs::read_to_string(compiled).unwrap().contains("from \"core\".\"orders\""));
        }
    }

    /// A CSV file that is a seed as well, and names by pattern: a schema for each, the same name in all of them.
    fn a_csv_file_and_a_pattern_for_schemas(project) {
        project.write("models/countries.csv", "name,rate,note\nde,0.19,\n\"New, York\",0.1,\"it's\"\n");
        project.write(
            "models/sales.sql",
            "/*---\ninstances: models/countries.csv\nschema: \"sales_{{ instance.name }}\"\nalias: sales\nenabled: \"{{ instance.rate != '0' }}\"\n---*/\n\
             select name, cast({{ instance.rate }} as numeric(4, 2)) as rate, {{ (instance.note or 'none') | literal }} as note from countries where name = {{ instance.name | literal }}",
        );
        project.models(&[("all_sales", "select * from \"sales_New, York\".sales union all select * from sales_de.sales")]);
        project.build(&[]);
        assert_eq!(project.rows("select * from core.all_sales order by rate"), ["New, York|0.10|it's", "de|0.19|none"]);
        assert_eq!(project.value("select rate from sales_de.sales"), "0.19");
    }

    /// A YAML file of names, given for a folder; columns and tests of the YAML entry are each instance's.
    fn a_yaml_file_for_a_folder(project) {
        project.configure("");
        project.write(
            "suiro.yml",
            &std::fs::read_to_string(project.path().join("suiro.yml")).unwrap()
                .replace("models: {", "models: {per_day: {instances: lists/days.yml, alias: \"{{ instance.name }}_rows\"}, "),
        );
        project.write("lists/days.yml", "- mon\n- name: tue\n");
        project.write("models/per_day/rows.sql", "{{ config(tags=[instance.name]) }}select '{{ instance.name }}' as day");
        project.write(
            "models/per_day/rows.yml",
            "models:\n  - name: rows\n    columns:\n      - {name: day, data_type: text, description: \"always {{ instance.name }}\"}\n",
        );
        project.models(&[("stars", "select {{ star('mon_rows') }} from mon_rows union all select day from tue_rows")]);
        project.build(&[]);
        assert_eq!(project.rows("select day from core.stars order by 1"), ["mon", "tue"]);
        let listed = project.suiro(&["ls", "--format", "json", "--select", "tag:tue"]).stdout;
        assert!(listed.contains(r#""description":"always tue""#) && listed.contains(r#""instance_of":"rows""#), "{listed}");
    }

    /// What the database refuses of one instance leaves the others alone, and the message has the line of the one file.
    fn one_broken_instance(project) {
        project.write(
            "models/m.sql",
            "/*---\ninstances: [{name: a, value: 1}, {name: b, value: \"1 / nothing()\"}]\n---*/\nselect\n  {{ instance.value }} as n",
        );
        let printed = project.build_fails(66);
        assert!(printed.contains("`m_b` could not be built") && printed.contains("models/m.sql:5:6"), "{printed}");
        assert_eq!(project.value("select n from core.m_a"), "1");
    }
}
