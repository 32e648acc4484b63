//! `EventLoop::call_graph`: who waits for whom, as a value, as text, as JSON and DOT, as a table, a picture and a page.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oneloop::{
    CallGraph, Clock, Error, Event, EventLoop, Lock, Queue, ReturnWhen, Semaphore, as_completed, create_future,
    create_task, gather, shield, sleep, task_group, timeout, wait, yield_now,
};

use crate::support::skip;

fn virtually<T>(main: impl Future<Output = T>) -> T {
    EventLoop::builder().clock(Clock::Virtual).run(main).expect("it comes to its end")
}

/// The tree without the places at which tasks were made.
fn lines(graph: &CallGraph) -> Vec<String> {
    graph.to_string().lines().map(|line| line.split("  (").next().unwrap_or(line).to_owned()).collect()
}

async fn job_of_group(seconds: u64) -> Result<(), String> {
    sleep(Duration::from_secs(seconds)).await;
    Ok(())
}

/// The graph after three iterations, when all have begun and have come to their first waits.
async fn graph_of_what_has_begun() -> CallGraph {
    for _ in 0..3 {
        yield_now().await;
    }
    EventLoop::current().call_graph()
}

/// As `graph_of_what_has_begun`, and lets all come to their ends: to cancel those that wait for each other takes as
/// long as there are paths between them.
async fn graph_before_the_end() -> CallGraph {
    let graph = graph_of_what_has_begun().await;
    sleep(Duration::from_secs(100)).await;
    graph
}

#[test]
fn gatherings_in_gatherings_are_a_tree() {
    let graph = virtually(async {
        create_task(async {
            gather((1..=2).map(|page| async move {
                gather((1..=2).map(|part| sleep(Duration::from_secs(page * 10 + part)))).await;
            }))
            .await;
        })
        .named("download");
        graph_of_what_has_begun().await
    });
    assert_eq!(
        lines(&graph),
        [
            "Task-1 runs",
            "download waits for",
            "└─ gathering [0/2] waits for",
            "   ├─ Task-3 waits for",
            "   │  └─ gathering [0/2] waits for",
            "   │     ├─ Task-5 waits for a timer, 11 s left",
            "   │     └─ Task-6 waits for a timer, 12 s left",
            "   └─ Task-4 waits for",
            "      └─ gathering [0/2] waits for",
            "         ├─ Task-7 waits for a timer, 21 s left",
            "         └─ Task-8 waits for a timer, 22 s left",
        ]
    );
}

#[test]
fn children_that_have_ended_are_counted_and_not_listed() {
    let graph = virtually(async {
        create_task(async { gather([1, 5].map(|seconds| sleep(Duration::from_secs(seconds)))).await }).named("both");
        sleep(Duration::from_secs(2)).await;
        EventLoop::current().call_graph()
    });
    assert_eq!(
        lines(&graph)[1..],
        [
            "both has waited at least 2 s for",
            "└─ gathering [1/2] waits for",
            "   └─ Task-4 has waited at least 2 s for a timer, 3 s left"
        ]
    );
}

#[test]
fn what_a_primitive_waits_for_is_below_its_task() {
    let graph = virtually(async {
        let job = |seconds| create_task(sleep(Duration::from_secs(seconds)));
        let (first, second, third) = (job(1).named("a"), job(2).named("b"), job(3).named("c"));
        create_task(async { wait([first]).return_when(ReturnWhen::FirstCompleted).await.timed_out }).named("waits");
        create_task(async { as_completed([second]).next().await.is_some() }).named("takes");
        create_task(async { shield(third).await }).named("shields");
        create_task(async {
            task_group(async |group| {
                group.create_task(job_of_group(4)).set_name("d");
                Ok(())
            })
            .await
        })
        .named("groups");
        create_task(async {
            task_group(async |group| {
                group.create_task(job_of_group(6)).set_name("e");
                sleep(Duration::from_secs(5)).await;
                Ok(())
            })
            .await
        })
        .named("is in a body");
        graph_of_what_has_begun().await
    });
    assert_eq!(
        lines(&graph)[1..],
        [
            "waits waits for FIRST_COMPLETED of 1, and for",
            "└─ a waits for a timer, 1 s left",
            "takes waits for the next of several tasks, and for",
            "└─ b waits for a timer, 2 s left",
            "shields waits for",
            "└─ future waits for",
            "   └─ c waits for a timer, 3 s left",
            "groups waits for the children of its task group, and for",
            "└─ d waits for a timer, 4 s left",
            "is in a body waits for a timer, 5 s left, and for",
            "└─ e waits for a timer, 6 s left",
        ]
    );
}

#[test]
fn what_several_wait_for_is_printed_once() {
    let graph = virtually(async {
        let slow = create_task(sleep(Duration::from_secs(1))).named("slow").shared();
        for name in ["first", "second"] {
            let slow = slow.clone();
            create_task(slow).named(name);
        }
        graph_of_what_has_begun().await
    });
    assert_eq!(
        lines(&graph)[1..],
        ["first waits for", "└─ slow waits for a timer, 1 s left", "second waits for", "└─ slow (see above)"]
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_printed() {
    let graph = virtually(async {
        let other = create_future::<oneloop::Shared<()>>();
        let first = create_task({
            let other = other.clone().shared();
            async move { other.await.await }
        })
        .named("first")
        .shared();
        let second = create_task(first).named("second").shared();
        other.set_result(second).expect("it is set once");
        sleep(Duration::from_secs(1)).await;
        EventLoop::current().call_graph()
    });
    assert_eq!(
        lines(&graph)[1..],
        ["first has waited at least 1 s for", "└─ second has waited at least 1 s for", "   └─ first (see above)"]
    );
}

#[test]
fn locks_queues_events_and_limits_are_named() {
    let graph = virtually(async {
        let (lock, queue, event) = (Lock::new(()), Queue::<u8>::bounded(1), Event::new());
        let (held, permits) = (lock.acquire().await, Semaphore::new(0));
        create_task({
            let lock = lock.clone();
            async move { drop(lock.acquire().await) }
        });
        create_task({
            let queue = queue.clone();
            async move { queue.get().await.ok() }
        });
        create_task(async move { drop(permits.acquire().await) });
        create_task({
            let event = event.clone();
            async move { timeout(Duration::from_secs(1), event.wait()).await.is_ok() }
        });
        let graph = graph_of_what_has_begun().await;
        drop(held);
        graph
    });
    assert_eq!(
        lines(&graph)[1..],
        [
            "Task-2 waits for a lock held by Task-1",
            "Task-3 waits for an item of a queue",
            "Task-4 waits for a semaphore",
            "Task-5 waits for an event, 1 s left of a time limit",
        ]
    );
}

#[test]
fn tasks_that_have_not_begun_are_ready_or_held_back() {
    let graph = virtually(async {
        create_task(async { gather((0..2).map(|_| yield_now())).limit(1).await }).named("limited");
        yield_now().await;
        EventLoop::current().call_graph()
    });
    assert_eq!(
        lines(&graph)[1..],
        [
            "limited waits for",
            "└─ gathering [0/2] waits for",
            "   ├─ Task-3 is ready",
            "   └─ Task-4 is held back by the limit of its gathering",
        ]
    );
}

#[test]
fn a_graph_may_be_asked_for_between_runs_and_compared() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let _task = lp.create_task(sleep(Duration::from_secs(5))).named("sleeper");
    assert_eq!(lines(&lp.call_graph()), ["sleeper is ready"]);
    lp.run_until_complete(sleep(Duration::from_secs(1))).expect("it ends");
    assert_eq!(lines(&lp.call_graph()), ["sleeper has waited at least 1 s for a timer, 4 s left"]);
    assert_eq!(lp.call_graph(), lp.call_graph());
}

#[test]
fn a_deadlock_shows_the_tree() {
    let ended = EventLoop::builder().clock(Clock::Virtual).run(async {
        let never = create_future::<()>();
        create_task(never).named("stuck").await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("it can never go on") };
    let text = deadlock.to_string();
    assert!(text.contains("Task-1 waits for  ("), "{text}");
    assert!(text.contains("\n└─ stuck waits for  ("), "{text}");
    assert!(text.contains("\n   └─ future waits to be set"), "{text}");
}

#[test]
fn json_and_dot_have_the_same_nodes_and_edges() {
    let graph = virtually(async {
        create_task(async { gather([sleep(Duration::from_millis(1500))]).await }).named("a \"quoted\" name");
        graph_of_what_has_begun().await
    });
    let (json, gathering) = (graph.to_json(), graph.nodes[1].awaits[0]);
    let child = graph.nodes[gathering].awaits[0];
    for part in [
        r#"{"kind":"task","name":"a \"quoted\" name","state":"waiting","awaits":["#.to_owned()
            + &format!("{gathering}]"),
        format!(r#""kind":"gathering","name":"","state":"waiting","awaits":[{child}],"ended":0,"children":1}}"#),
        r#""awaits":[],"leaf":"a timer","leaves":1,"seconds_left":1.5,"file":"tests/it/call_graph.rs","line":"#
            .to_owned(),
    ] {
        assert!(json.contains(&part), "{part} is not in {json}");
    }
    let dot = graph.to_dot();
    assert!(dot.contains(&format!("n1 -> n{gathering};")) && dot.contains(r#"a \"quoted\" name"#), "{dot}");
}

#[test]
fn ten_thousand_tasks_and_a_chain_of_as_many_are_printed_quickly() {
    let graph = virtually(async {
        let mut last = create_task(sleep(Duration::from_secs(1))).shared();
        for _ in 0..10_000 {
            let before = last;
            last = create_task(before).shared();
        }
        let _many: Vec<_> = (0..10_000).map(|_| create_task(sleep(Duration::from_secs(1)))).collect();
        graph_before_the_end().await
    });
    let begun = Instant::now();
    let text = graph.to_string();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed()); // far less where it is optimised
    assert!(text.lines().all(|line| line.chars().count() < 200));
    assert!((20_002..22_000).contains(&text.lines().count()), "{}", text.lines().count());
}

#[test]
fn tasks_that_wait_for_parts_of_each_other_stay_linear() {
    // each waits for all before it: 2^36 paths, and 36 nodes
    let graph = virtually(async {
        let mut before = Vec::new();
        for _ in 0..36 {
            let all = before.clone();
            before.push(
                create_task(async move {
                    gather(all).await;
                    sleep(Duration::from_secs(1)).await;
                })
                .shared(),
            );
        }
        graph_before_the_end().await
    });
    assert!(graph.to_string().lines().count() < 36 * 36, "{graph}");
}

#[test]
fn the_debug_text_of_a_task_says_what_it_waits_for() {
    virtually(async {
        let task = create_task(sleep(Duration::from_secs(1))).named("sleeper");
        assert_eq!(format!("{task:?}"), r#"Task { name: "sleeper", state: Pending, .. }"#); // it is queued
        yield_now().await;
        assert_eq!(format!("{task:?}"), r#"Task { name: "sleeper", state: Pending, waits_for: ["a timer"], .. }"#);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(format!("{task:?}"), r#"Task { name: "sleeper", state: Finished, .. }"#);
    });
}

#[test]
fn a_child_that_the_body_of_its_group_awaits_is_there_once() {
    let graph = virtually(async {
        create_task(async {
            task_group(async |group| {
                group.create_task(job_of_group(3)).named("child").await;
                Ok(())
            })
            .await
        })
        .named("group");
        graph_of_what_has_begun().await
    });
    assert_eq!(lines(&graph)[1..], ["group waits for", "└─ child waits for a timer, 3 s left"]);
}

/// Three that wait for one with a name that is no HTML, and a gathering.
fn graph_to_draw() -> CallGraph {
    virtually(async {
        let shared = create_task(sleep(Duration::from_secs(9))).named("<b>\"1\" & '2'</b>\u{1b}[31m").shared();
        for number in 1..=2 {
            create_task(shared.clone()).named(format!("client {number}"));
        }
        create_task(async { gather((1..=4).map(|part| sleep(Duration::from_secs(part)))).await }).named("download");
        graph_before_the_end().await
    })
}

#[test]
fn a_table_has_a_line_for_each_task() {
    let table = graph_to_draw().to_table();
    let rows: Vec<&str> = table.lines().map(|row| row.split(" tests/").next().unwrap_or(row).trim_end()).collect();
    assert_eq!(
        rows,
        [
            "TASK                   STATE  WAITED  WAITS FOR              CREATED AT",
            "Task-1                 runs",
            "<b>\"1\" & '2'</b> [31m  waits          a timer, 9 s left",
            "client 1               waits          <b>\"1\" & '2'</b> [31m",
            "client 2               waits          <b>\"1\" & '2'</b> [31m",
            "download               waits          gathering [0/4]",
            "Task-6                 waits          a timer, 1 s left",
            "Task-7                 waits          a timer, 2 s left",
            "Task-8                 waits          a timer, 3 s left",
            "Task-9                 waits          a timer, 4 s left",
        ],
        "and control characters are not printed"
    );
    assert!(table.lines().skip(1).all(|row| row.contains("  tests/it/call_graph.rs:")), "{table}");
    assert_eq!(CallGraph::default().to_table(), "TASK  STATE  WAITED  WAITS FOR  CREATED AT\n");
}

#[test]
fn a_table_says_how_long_a_task_has_waited_and_what_is_left_of_its_limit() {
    let table = virtually(async {
        let limited = timeout(Duration::from_secs(10), sleep(Duration::from_secs(20)));
        create_task(async { limited.await.is_err() }).named("limited");
        sleep(Duration::from_secs(4)).await;
        let table = EventLoop::current().call_graph().to_table();
        sleep(Duration::from_secs(7)).await;
        table
    });
    let row = "limited  waits  4 s     a timer, 16 s left; 6 s left of a time limit  tests/it/call_graph.rs:";
    assert!(table.lines().nth(2).is_some_and(|told| told.starts_with(row)), "{table}");
}

#[test]
fn a_table_shortens_long_names_and_counts_what_is_waited_for_together() {
    let table = virtually(async {
        let tasks: Vec<_> = (1..=5).map(|part| create_task(sleep(Duration::from_secs(part)))).collect();
        create_task(async { wait(tasks).await }).named("x".repeat(100));
        graph_before_the_end().await
    })
    .to_table();
    let row = table.lines().last().expect("a row");
    assert!(
        row.starts_with(&format!(
            "{}…  waits          ALL_COMPLETED of 5; Task-2; Task-3; Task-4; 2 more",
            "x".repeat(31)
        )),
        "{row}"
    );
}

#[test]
fn a_picture_has_a_row_for_each_node_and_escapes_everything() {
    let svg = graph_to_draw().to_svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<g><title>").count(), 11, "tasks, the gathering, and what is named again");
    assert!(!svg.contains("<b>") && !svg.contains('\u{1b}'));
    assert!(svg.contains("@media (prefers-color-scheme: dark) {[fill=\"#fff\"]"), "a dark ground for dark pages");
    assert!(svg.contains("&lt;b&gt;&quot;1&quot; &amp; &#39;2&#39;&lt;/b&gt;\u{fffd}[31m"), "{svg}");
}

#[test]
fn a_picture_of_many_tasks_ends_where_programs_still_open_it() {
    let graph = virtually(async {
        (0..10_500).for_each(|_| drop(create_task(yield_now())));
        EventLoop::current().call_graph()
    });
    assert_eq!(graph.to_svg().matches("<g><title>").count(), 10_000);
    assert_eq!(graph.to_html("").matches("class=\"row\"").count(), 10_501);
}

#[test]
fn a_page_is_whole_and_escapes_everything() {
    let html = graph_to_draw().to_html("</title><script>alert(1)</script>");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    assert!(!html.contains("<b>\"") && !html.contains("alert(1)</script>") && !html.contains('\u{1b}'));
    assert_eq!(html.matches("<details open>").count(), html.matches("</details>").count());
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("src="), "nothing from elsewhere");
    assert!(html.contains("(<a href=\"#n1\">see above</a>)"), "{html}");
}

/// What a browser makes of the page, after a script of the test has used it.
fn in_a_browser(html: &str, script: &str) -> Option<String> {
    let path = std::env::temp_dir().join(format!("oneloop-page-{}.html", std::process::id()));
    let html = html.replace("</body>", &format!("<script>{script}</script></body>"));
    std::fs::write(&path, html).expect("a file");
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(|browser| {
        let arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"];
        Command::new(browser).args(arguments).arg(&path).stderr(Stdio::null()).output().ok()
    });
    std::fs::remove_file(&path).expect("it is there");
    browser.map(|output| String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn a_page_is_searched_and_folded_in_a_browser() {
    let script = "
        const told = [];
        const shown = () => rows.filter(row => row.checkVisibility()).map(row => row.querySelector('b').textContent);
        const find = text => { search.value = text; search.dispatchEvent(new Event('input')); told.push(shown()); };
        told.push(shown().length);
        document.querySelector('button[value=\"\"]').click();
        told.push(shown());
        find('timer task-8');
        find('nothing like it');
        told.push(nothing.checkVisibility());
        document.querySelector('a').click();
        told.push(shown().length);
        document.title = JSON.stringify(told);";
    let Some(dom) = in_a_browser(&graph_to_draw().to_html("page"), script) else {
        return skip("no browser is installed (chromium)");
    };
    let title = dom.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).expect("a page");
    let told: serde_json::Value = serde_json::from_str(title).unwrap_or_else(|_| panic!("{title}"));
    assert_eq!(told[0], 11, "all is unfolded at first");
    assert_eq!(told[1], serde_json::json!(["Task-1", "client 1", "client 2", "download"]), "folded");
    assert_eq!(told[2], serde_json::json!(["download", "gathering [0/4]", "Task-8"]), "a hit, and what is above it");
    assert_eq!((&told[3], &told[4]), (&serde_json::json!([]), &true.into()));
    assert_eq!(told[5], 10, "a link ends the search, and unfolds what it leads to");
}
