//! Markdown to HTML that can do no harm.
//!
//! In: what people wrote. Out: HTML of a few elements. HTML in Markdown is shown as it is written and never taken for
//! markup; an image becomes a link, since a page that loads images tells others who reads it; a link leads to the web,
//! to a mail address, or within the page.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The HTML of a text.
#[must_use]
pub(super) fn html(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    // Whether each of the open links is one that may be followed.
    let mut links: Vec<bool> = Vec::new();
    let events = Parser::new_ext(text, options).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::HtmlBlock) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::HtmlBlock) => Some(Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Link { link_type, dest_url, title, id } | Tag::Image { link_type, dest_url, title, id }) => {
            let is_safe = is_safe(&dest_url);
            links.push(is_safe);
            is_safe.then_some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        Event::End(TagEnd::Link | TagEnd::Image) => links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link)),
        other => Some(other),
    });
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    out.truncate(out.trim_end().len());
    out
}

/// Whether a link can be followed without harm.
fn is_safe(address: &str) -> bool {
    let lower = address.trim().to_ascii_lowercase();
    lower.starts_with('#') || ["https://", "http://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::html;

    #[test]
    fn markdown_is_shown_and_html_is_not_taken_for_markup() {
        for (text, expected) in [
            ("one *two* `three`", "<p>one <em>two</em> <code>three</code></p>"),
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
            ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>"),
            ("[x](javascript:alert(1))", "<p>x</p>"),
            ("[x]( JavaScript:alert(1))", "<p>x</p>"),
            ("[x](data:text/html;base64,PHN2Zz4=)", "<p>x</p>"),
            ("[x](//elsewhere)", "<p>x</p>"),
            (
                "[x](https://example.org/?a=1&b=\"2\")",
                "<p><a href=\"https://example.org/?a=1&amp;b=%222%22\">x</a></p>",
            ),
            ("[orders](#/model/orders)", "<p><a href=\"#/model/orders\">orders</a></p>"),
            ("![a cat](https://example.org/cat.png)", "<p><a href=\"https://example.org/cat.png\">a cat</a></p>"),
            ("<https://example.org>", "<p><a href=\"https://example.org\">https://example.org</a></p>"),
            ("`<b>`", "<p><code>&lt;b&gt;</code></p>"),
        ] {
            assert_eq!(html(text), expected, "{text}");
        }
        let block = html("<div>\n<style>*{}</style>\n</div>\n\nafter");
        assert!(!block.contains("<div") && !block.contains("<style") && block.contains("&lt;style&gt;"), "{block}");
        assert!(html("| a | b |\n|---|---|\n| 1 | 2 |").starts_with("<table>"));
    }
}
