//! How do the times look? Bars on a logarithmic scale, as SVG, one panel a task.

use std::fmt::Write;

const BAR: f64 = 16.0;
const GAP: f64 = 4.0;
const TITLE: f64 = 26.0;
const NAMES: f64 = 150.0;
const WIDTH: f64 = 420.0;
const VALUES: f64 = 90.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// Whose.
    pub(crate) name: String,
    /// How long; positive.
    pub(crate) value: f64,
    /// The value as text.
    pub(crate) label: String,
    /// Whether it is drawn in the colour of what is looked at.
    pub(crate) ours: bool,
}

/// The bars of one task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    /// The task.
    pub(crate) title: String,
    /// Its bars, in order from top to bottom.
    pub(crate) bars: Vec<Bar>,
}

/// Draws panels below each other, all on one scale.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let values = || panels.iter().flat_map(|panel| &panel.bars).map(|bar| bar.value).filter(|value| *value > 0.0);
    let lowest = values().fold(f64::INFINITY, f64::min).log10().floor();
    let highest = values().fold(0.0, f64::max).log10().ceil().max(lowest + 1.0);
    let scale = Scale { lowest, highest };
    let height: f64 = panels.iter().map(height).sum();
    let width = NAMES + WIDTH + VALUES;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut top = 0.0;
    for panel in panels {
        draw(&mut text, panel, top, &scale);
        top += height_of(panel.bars.len());
    }
    text.push_str("</svg>\n");
    text
}

struct Scale {
    lowest: f64,
    highest: f64,
}

impl Scale {
    /// Where a value lies, in pixels from the left of the bars.
    fn at(&self, value: f64) -> f64 {
        (value.log10() - self.lowest) / (self.highest - self.lowest) * WIDTH
    }
}

fn height(panel: &Panel) -> f64 {
    height_of(panel.bars.len())
}

fn height_of(bars: usize) -> f64 {
    TITLE + bars as f64 * (BAR + GAP) + GAP
}

fn draw(text: &mut String, panel: &Panel, top: f64, scale: &Scale) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>", top + 18.0, escaped(&panel.title));
    let bottom = top + height_of(panel.bars.len()) - GAP;
    let mut decade = scale.lowest;
    while decade <= scale.highest {
        let x = NAMES + scale.at(10_f64.powf(decade));
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\" stroke=\"#ddd\"/>",
            top + TITLE - GAP
        );
        decade += 1.0;
    }
    for (number, bar) in panel.bars.iter().enumerate() {
        let y = top + TITLE + number as f64 * (BAR + GAP);
        let length = scale.at(bar.value).max(1.0);
        let colour = if bar.ours { "#1f6fb4" } else { "#b8b8b8" };
        let (base, end) = (y + BAR - 4.0, NAMES + length + 5.0);
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{NAMES}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{base}\">{}</text>",
            NAMES - 6.0,
            escaped(&bar.name),
            escaped(&bar.label)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_logarithm_and_names_are_escaped() {
        let bar = |name: &str, value| Bar { name: name.to_owned(), value, label: "x".to_owned(), ours: false };
        let panel = Panel { title: "a < b".to_owned(), bars: vec![bar("p&q", 0.01), bar("r", 0.1), bar("s", 1.0)] };
        let text = svg(&[panel]);
        let lengths: Vec<f64> = text
            .lines()
            .filter(|line| line.contains("fill=\"#b8b8b8\""))
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(lengths, [1.0, WIDTH / 2.0, WIDTH]);
        assert!(text.contains("a &lt; b") && text.contains("p&amp;q") && text.ends_with("</svg>\n"));
        assert!(svg(&[]).contains("<svg"));
    }
}
