//! A timeline as a picture. Owns its measures and colours; must not know how it was recorded.

use std::fmt::Write as _;
use std::time::Duration;

use super::chrome_trace::{ending_name, state_name};
use super::observed_task::TaskEnding;
use super::timeline::{Arrow, ArrowKind, Lane, LaneState, Span, Timeline};
use crate::inspect::{begun, escaped, shortened};

// All measures are in pixels.
const WIDTH: f64 = 1_000.0;
const MARGIN: f64 = 16.0;
/// Where the time begins, to the right of the names.
const LEFT: f64 = 150.0;
const RIGHT: f64 = WIDTH - 24.0;
/// Title, legend and the labels of the axis.
const TOP: f64 = 88.0;
const LANE: f64 = 26.0;
const BAR: f64 = 16.0;
/// A step takes no time on a virtual clock, and is to be seen all the same.
const THINNEST: f64 = 2.0;
/// The width of a letter of the labels, about.
const LETTER: f64 = 6.2;
/// How many letters of a name there is room for.
const NAME_LETTERS: usize = 20;
/// About so many labels are on the axis.
const TICKS: u32 = 8;
/// What each colour becomes for a reader who prefers dark pages; the others can be seen on both.
const DARK: [(&str, &str); 10] = [
    ("#222", "#e6edf3"), // text
    ("#333", "#e6edf3"),
    ("#444", "#e6edf3"),
    ("#666", "#9da7b1"),
    ("#e4e4e4", "#30363d"), // the axis
    ("#cfe2f7", "#1f3a5f"), // sleeping
    ("#e3dcec", "#40364f"), // waiting
    ("#1b7f3b", "#3fb27f"), // running, returned
    ("#1f5fbf", "#6cb0ff"), // wakes
    ("#c62828", "#ff7b72"), // cancels, cancelled
];

impl Timeline {
    /// The timeline as a picture of its own, 1,000 pixels wide: a lane for each task, coloured by what it does, and
    /// arrows for what tasks do to each other. What a bar means is also said where the pointer rests on it. `title`
    /// stands above. It is dark for a reader who prefers dark pages.
    pub fn to_svg(&self, title: &str) -> String {
        let height = TOP + LANE * float(self.lanes.len()) + MARGIN;
        let mut svg = begun(WIDTH, height, 12, &DARK);
        draw_title(&mut svg, title);
        define_arrowheads(&mut svg);
        draw_legend(&mut svg);
        self.draw_axis(&mut svg, height - MARGIN);
        for (place, lane) in self.lanes.iter().enumerate() {
            self.draw_lane(&mut svg, place, lane);
        }
        for arrow in self.arrows.iter().filter(|arrow| !self.is_hidden(arrow)) {
            self.draw_arrow(&mut svg, *arrow);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn x(&self, time: Duration) -> f64 {
        let whole = self.end.as_secs_f64();
        if whole == 0.0 { LEFT } else { LEFT + (RIGHT - LEFT) * time.as_secs_f64() / whole }
    }

    fn draw_axis(&self, svg: &mut String, bottom: f64) {
        let between = round_up(self.end / TICKS);
        let mut time = Duration::ZERO;
        while time <= self.end && !between.is_zero() {
            let x = self.x(time);
            let (above, label) = (TOP - 10.0, format!("{time:?}"));
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{x:.1}\" y=\"{above:.1}\" text-anchor=\"middle\" fill=\"#666\" \
                 font-size=\"11\">{label}</text>",
                TOP - 6.0
            );
            time += between;
        }
    }

    fn draw_lane(&self, svg: &mut String, place: usize, lane: &Lane) {
        let middle = middle(place);
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{:.1}\" fill=\"#222\">{}<title>created at {}</title></text>",
            middle + 4.0,
            escaped(&shortened(&lane.name, NAME_LETTERS)),
            escaped(&lane.created)
        );
        // steps last, so that none is hidden
        let is_step = |span: &&Span| span.state == LaneState::Running;
        for span in lane.spans.iter().filter(|span| !is_step(span)).chain(lane.spans.iter().filter(is_step)) {
            self.draw_span(svg, middle, span);
        }
        if let Some((at, ending)) = lane.ended {
            let mark = ending_mark(ending, &format!("{:.1}", self.x(at)), &format!("{middle:.1}"));
            let _ = writeln!(svg, "<g><title>{} at {at:?}</title>{mark}</g>", ending_name(ending));
        }
    }

    fn draw_span(&self, svg: &mut String, middle: f64, span: &Span) {
        let (x, end) = (self.x(span.from), self.x(span.to));
        let is_step = span.state == LaneState::Running;
        if !is_step && span.from == span.to {
            return;
        }
        let width = (end - x).max(THINNEST);
        let name = if span.what.is_empty() { state_name(span.state).to_owned() } else { escaped(&span.what) };
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{}\">\
             <title>{name}, {:?}</title></rect>",
            middle - BAR / 2.0,
            colour(span.state),
            span.to.saturating_sub(span.from)
        );
        let letters = float(name.chars().count());
        if !is_step && width > LETTER * (letters + 2.0) {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#333\" font-size=\"11\">{name}</text>",
                x + width / 2.0,
                middle + 4.0
            );
        }
        svg.push('\n');
    }

    /// Whether an arrow lies under another: a cancellation wakes the task, too.
    fn is_hidden(&self, arrow: &Arrow) -> bool {
        arrow.kind == ArrowKind::Woken && self.arrows.contains(&Arrow { kind: ArrowKind::Cancelled, ..*arrow })
    }

    fn draw_arrow(&self, svg: &mut String, arrow: Arrow) {
        let Some(from) = arrow.from.filter(|from| *from != arrow.to) else { return };
        let x = self.x(arrow.at);
        let (start, end) = (middle(from), middle(arrow.to));
        let edge = (BAR / 2.0).copysign(end - start);
        let (start, end) = (start + edge, end - edge);
        let (id, colour) = (arrow_id(arrow.kind), arrow_colour(arrow.kind));
        // those of one moment would hide each other, so each is a bow, the wider the longer it is
        let bow = 8.0 + (end - start).abs() / 12.0;
        let bow = if arrow.kind == ArrowKind::Cancelled { bow } else { -bow };
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1},{start:.1} Q{:.1},{:.1} {x:.1},{end:.1}\" fill=\"none\" stroke=\"{colour}\" \
             stroke-width=\"1.3\" marker-end=\"url(#{id})\"/>",
            x + bow,
            f64::midpoint(start, end)
        );
    }
}

fn draw_title(svg: &mut String, title: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{MARGIN}\" y=\"26\" font-size=\"16\" font-weight=\"bold\" fill=\"#222\">{}</text>",
        escaped(title)
    );
}

fn define_arrowheads(svg: &mut String) {
    svg.push_str("<defs>");
    for kind in [ArrowKind::Created, ArrowKind::Woken, ArrowKind::Cancelled] {
        let (name, colour) = (arrow_id(kind), arrow_colour(kind));
        let _ = write!(
            svg,
            "<marker id=\"{name}\" markerWidth=\"7\" markerHeight=\"7\" refX=\"6\" refY=\"3\" orient=\"auto\">\
             <path d=\"M0,0 L7,3 L0,6 z\" fill=\"{colour}\"/></marker>"
        );
    }
    svg.push_str("</defs>\n");
}

fn draw_legend(svg: &mut String) {
    let mut x = MARGIN;
    let y = 50.0;
    for state in [LaneState::Running, LaneState::Ready, LaneState::Sleeping, LaneState::Waiting] {
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"{y}\" \
             fill=\"#444\">{}</text>",
            y - 10.0,
            colour(state),
            x + 17.0,
            state_name(state)
        );
        x += 90.0;
    }
    for (kind, name) in
        [(ArrowKind::Created, "creates"), (ArrowKind::Woken, "wakes"), (ArrowKind::Cancelled, "cancels")]
    {
        let (id, colour) = (arrow_id(kind), arrow_colour(kind));
        let _ = write!(
            svg,
            "<line x1=\"{x}\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\" stroke=\"{colour}\" stroke-width=\"1.3\" \
             marker-end=\"url(#{id})\"/><text x=\"{2}\" y=\"{y}\" fill=\"#444\">{name}</text>",
            y - 4.0,
            x + 24.0,
            x + 30.0
        );
        x += 95.0;
    }
    for ending in [TaskEnding::Returned, TaskEnding::Cancelled, TaskEnding::Panicked] {
        let mark = ending_mark(ending, &format!("{}", x + 6.0), "46");
        let _ = write!(svg, "{mark}<text x=\"{}\" y=\"{y}\" fill=\"#444\">{}</text>", x + 17.0, ending_name(ending));
        x += 90.0;
    }
    svg.push('\n');
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// The middle of a lane.
fn middle(lane: usize) -> f64 {
    TOP + LANE * (float(lane) + 0.5)
}

/// The next of 1, 2, 5, 10, 20, 50, … nanoseconds.
fn round_up(time: Duration) -> Duration {
    let nanos = time.as_nanos();
    let mut ten = 1_u128;
    loop {
        for step in [ten, 2 * ten, 5 * ten] {
            if step >= nanos {
                return Duration::from_nanos(u64::try_from(step).unwrap_or(u64::MAX));
            }
        }
        ten *= 10;
    }
}

/// Colours that differ in brightness too.
fn colour(state: LaneState) -> &'static str {
    match state {
        LaneState::Ready => "#f6c945",
        LaneState::Running => "#1b7f3b",
        LaneState::Sleeping => "#cfe2f7",
        LaneState::Waiting => "#e3dcec",
    }
}

fn arrow_colour(kind: ArrowKind) -> &'static str {
    match kind {
        ArrowKind::Created => "#8a8a8a",
        ArrowKind::Woken => "#1f5fbf",
        ArrowKind::Cancelled => "#c62828",
    }
}

fn arrow_id(kind: ArrowKind) -> &'static str {
    match kind {
        ArrowKind::Created => "created",
        ArrowKind::Woken => "woken",
        ArrowKind::Cancelled => "cancelled",
    }
}

/// The mark at the end of a lane, around the point `{x}`, `{y}`.
fn ending_mark(ending: TaskEnding, x: &str, y: &str) -> String {
    match ending {
        TaskEnding::Returned => format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"#1b7f3b\"/>"),
        TaskEnding::Cancelled => format!(
            "<g transform=\"translate({x} {y})\" stroke=\"#c62828\" stroke-width=\"2.5\">\
             <path d=\"M-4,-4 L4,4 M-4,4 L4,-4\"/></g>"
        ),
        TaskEnding::Panicked => {
            format!("<g transform=\"translate({x} {y})\" fill=\"#c62828\"><path d=\"M0,-6 L6,5 L-6,5 z\"/></g>")
        }
    }
}
