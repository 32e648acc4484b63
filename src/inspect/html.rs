//! The call graph as a page for a browser. Owns the page; must not know how the graph was taken down.

use std::fmt::Write as _;

use super::call_graph::{CallGraph, GraphNode, NodeKind};
use super::drawing::escaped;
use super::rows::{Row, Shown};
use super::svg::{STATES, colour, name};
use super::tree::{label, what_it_does};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A browser that keeps to it loads nothing and runs nothing but what is in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

impl CallGraph {
    /// The graph as one page for a browser, without anything from elsewhere: the tree, to be searched and folded,
    /// coloured by what each node does. `title` stands above.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{EventLoop, run};
    ///
    /// let graph = run(async { EventLoop::current().call_graph() })?;
    /// assert!(graph.to_html("my program").starts_with("<!DOCTYPE html>"));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn to_html(&self, title: &str) -> String {
        let title = escaped(title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<header>\n\
             <div class=\"bar\"><input type=\"search\" placeholder=\"Search: a name, a place, what is waited for\" \
             aria-label=\"Search\"><button value=\"open\">Unfold all</button><button value=\"\">Fold all</button>\
             </div>\n"
        );
        self.write_legend(&mut html);
        html.push_str("</header>\n<main>\n");
        self.write_rows(&mut html);
        let hidden = if self.nodes.is_empty() { "" } else { " hidden" };
        let _ = write!(
            html,
            "<p class=\"nothing\"{hidden}>Nothing is found.</p>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n\
             </html>\n"
        );
        html
    }

    fn write_legend(&self, html: &mut String) {
        html.push_str("<ul class=\"legend\">");
        for state in STATES {
            let is_counted = |node: &&GraphNode| node.kind == NodeKind::Task && node.state == state;
            let count = self.nodes.iter().filter(is_counted).count();
            let _ = write!(html, "<li>{}{}: {count}</li>", dot(colour(state)), name(state));
        }
        html.push_str("</ul>\n");
    }

    fn write_rows(&self, html: &mut String) {
        let mut open = 0; // how many `details` are
        let _ = self.each_row(&mut |row| {
            while open > row.levels.len() {
                html.push_str("</details>\n");
                open -= 1;
            }
            let has_rows_below = row.shown == Shown::Here && !self.nodes[row.node].awaits.is_empty();
            if has_rows_below {
                html.push_str("<details open>");
                open += 1;
            }
            self.write_row(html, row, if has_rows_below { "summary" } else { "div" });
            Ok(())
        });
        html.extend(std::iter::repeat_n("</details>\n", open));
    }

    fn write_row(&self, html: &mut String, row: &Row, element: &str) {
        let (node, number) = (&self.nodes[row.node], row.node);
        let (dot, label) = (dot(colour(node.state)), escaped(&label(node)));
        let seen = match row.shown {
            Shown::Here => None,
            Shown::Above => Some("above"),
            Shown::Below => Some("below"),
        };
        if let Some(seen) = seen {
            let link = format!("<a href=\"#n{number}\">see {seen}</a>");
            let _ = writeln!(html, "<{element} class=\"row\">{dot}<b>{label}</b> ({link})</{element}>");
            return;
        }
        let does = escaped(&what_it_does(node));
        let _ = write!(html, "<{element} class=\"row\" id=\"n{number}\">{dot}<b>{label}</b> {does}");
        if let Some(place) = node.created {
            let _ = write!(html, " <span class=\"place\">{}:{}</span>", escaped(place.file()), place.line());
        }
        let _ = writeln!(html, "</{element}>");
    }
}

fn dot(colour: &str) -> String {
    format!("<span class=\"dot\" style=\"background:{colour}\"></span>")
}
