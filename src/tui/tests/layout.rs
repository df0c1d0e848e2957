//! Layouts by keys and by the mouse.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::harness::Runner;
use crate::tui::Input;

/// Column of the first corner of the upper border at a line: where the second pane begins.
fn seam(runner: &Runner) -> usize {
    let frame = runner.frame();
    let line = frame.lines().nth(1).unwrap();
    line.chars().skip(1).position(|c| c == '┬').unwrap() + 1
}

fn mouse(runner: &mut Runner, kind: MouseEventKind, column: u16, row: u16) {
    runner.input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn panes_are_split_moved_and_closed_by_keys() {
    let mut runner = Runner::new((160, 45));
    runner
        .keys("L")
        .sees("layout trade")
        .sees("v split")
        .keys("v")
        .sees("Which pane")
        .text("chain")
        .keys("enter");
    runner.sees("─ Chain").sees("─ Quotes").sees("layout trade");
    runner.keys("x").misses("─ Chain").keys("esc").misses("v split").sees("b buy");
    runner.keys("4 L x esc").misses("─ Orders").keys("4").sees("─ Orders");
    runner.keys("L u").sees("Layout: trade").sees("─ Orders").sees("─ Positions");
}

#[test]
fn a_pane_without_a_place_borrows_one_and_can_take_it() {
    let mut runner = Runner::new((120, 40));
    runner.keys("7").sees("─ Chain").misses("─ AAPL  5m").keys("1").sees("─ AAPL  5m");
    runner.keys("2 L p").text("chain").keys("enter esc 1").sees("─ Chain").misses("─ AAPL  5m");
}

#[test]
fn sizes_change_by_keys_and_by_dragging_the_line() {
    let mut runner = Runner::new((160, 45));
    let start = seam(&runner);
    runner.keys("ctrl-right");
    assert_eq!(seam(&runner), start + 4);
    runner.keys("ctrl-left ctrl-left");
    assert_eq!(seam(&runner), start - 4);
    let at = (start - 4) as u16;
    mouse(&mut runner, MouseEventKind::Down(MouseButton::Left), at, 5);
    mouse(&mut runner, MouseEventKind::Drag(MouseButton::Left), at + 20, 6);
    assert_eq!(seam(&runner), start + 16);
    mouse(&mut runner, MouseEventKind::Drag(MouseButton::Left), 0, 6);
    assert!(seam(&runner) >= 41, "both sides keep what they need: {}", seam(&runner));
    mouse(&mut runner, MouseEventKind::Drag(MouseButton::Left), at + 3, 6);
    mouse(&mut runner, MouseEventKind::Up(MouseButton::Left), at + 3, 6);
    mouse(&mut runner, MouseEventKind::Drag(MouseButton::Left), at + 30, 6);
    assert_eq!(seam(&runner), start - 1, "once let go, it stays");
    runner.keys("L u esc");
    assert_eq!(seam(&runner), start);
}

#[test]
fn layouts_are_saved_found_and_deleted() {
    let mut runner = Runner::new((160, 45));
    runner
        .keys("L n")
        .sees("Save the layout as")
        .keys("ctrl-u")
        .text("My Own")
        .keys("enter")
        .sees("is no name");
    // What stands there is taken the place of; a key that edits keeps it.
    runner.keys("n").text("mine").keys("enter").sees("Layout saved as mine.").keys("x esc");
    runner.keys("w").sees("Layout: trade").keys("W").sees("Layout: mine, changed").misses("─ Quotes");
    runner.keys("ctrl-p").text("options layout").keys("enter").sees("Layout: options");
    runner.keys("ctrl-p").text("mine layout").keys("enter").sees("Layout: mine");
    runner.keys("L D").sees("Layout mine deleted.").sees("layout trade");
}

#[test]
fn the_keys_move_between_panes_by_direction() {
    let mut runner = Runner::new((120, 40));
    runner.keys("alt-l + alt-j").sees("Down field").keys("alt-j").sees("Enter read");
    runner.keys("alt-left").sees("c cancel").keys("alt-k").sees("x close").keys("alt-up").sees("a add");
}

#[test]
fn other_keys_do_nothing_while_the_layout_is_changed() {
    let mut runner = Runner::new((120, 40));
    runner.keys("L b : 9 z").sees("layout trade").misses("quantity  9");
    runner
        .keys("ctrl-k")
        .sees("Halt all trading?")
        .keys("esc ?")
        .sees("while the layout is changed")
        .keys("esc esc");
    runner.misses("layout trade");
}

#[test]
fn every_layout_draws_at_every_size() {
    let mut runner = Runner::new((80, 24));
    for _ in 0..crate::tui::layout::presets::usable().count() {
        runner.keys("w");
        for (width, height) in [(40, 12), (80, 24), (80, 50), (120, 40), (200, 60), (300, 100)] {
            runner.resize(width, height).misses("are needed");
            for key in ["tab", "tab", "7", "z", "z"] {
                runner.keys(key);
            }
        }
    }
}

#[test]
fn the_newest_of_several_layouts_and_themes_alone_is_named() {
    let mut runner = Runner::new((120, 40));
    runner.keys("w w w ctrl-t ctrl-t").wait(100);
    let frame = runner.frame();
    assert_eq!((frame.matches("Layout: ").count(), frame.matches("Theme: ").count()), (1, 1), "{frame}");
}
