//! Descriptions: templates that may ask for docs blocks, rendered once the whole project is known.

use crate::{
    diagnostic::Diagnostic,
    project::{Column, Project},
    source::Span,
    template::{Scope, Setting, render_setting},
};

/// Renders every description of the project in its place; one that fails becomes empty.
pub(super) fn render(project: &mut Project, scope: &Scope) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for model in &mut project.models {
        let instance = model.instance.as_ref();
        let mut render = |text: &str, span: Span| {
            let rendered = render_setting(text, span, scope, instance.map(|instance| &instance.value));
            let label = instance.map(|instance| instance.label.as_str());
            let named = |problems: Vec<Diagnostic>| problems.into_iter().map(move |problem| problem.of_instance(label));
            text_of(rendered.map_err(|problems| found.extend(named(problems))))
        };
        model.config.describe(&mut render);
        for column in &mut model.columns {
            describe_column(column, &mut render);
        }
    }
    let mut render = |text: &str, span: Span| {
        text_of(render_setting(text, span, scope, None).map_err(|problems| found.extend(problems)))
    };
    for seed in &mut project.seeds {
        seed.config.describe(&mut render);
    }
    let columns = project.seeds.iter_mut().map(|seed| &mut seed.columns);
    let columns = columns.chain(project.source_tables.iter_mut().map(|table| &mut table.columns));
    for column in columns.flatten() {
        describe_column(column, &mut render);
    }
    for table in &mut project.source_tables {
        let span = table.name.span;
        for text in [&mut table.description, &mut table.source_description].into_iter().flatten() {
            *text = render(text, span);
        }
    }
    for exposure in &mut project.exposures {
        let span = exposure.name.span;
        if let Some(text) = &mut exposure.description {
            *text = render(text, span);
        }
    }
    found
}

fn text_of(rendered: Result<Setting, ()>) -> String {
    rendered.map_or_else(|()| String::new(), |setting| setting.text)
}

fn describe_column(column: &mut Column, render: &mut impl FnMut(&str, Span) -> String) {
    let span = column.name.span;
    if let Some(text) = &mut column.description {
        *text = render(text, span);
    }
}
