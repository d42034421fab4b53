//! Charts a program shows with matplotlib (wire section 6).
//!
//! Needs numpy and matplotlib for the machine's `python3`. `DAYTONA_TEST_PYTHONPATH` names the directory that has them:
//! `<state>/snapshots/default/opt/python` once `daytona local setup` has run.

mod harness;

use harness::Toolbox;
use serde_json::{Value, json};

/// Runs a program that must succeed; what it printed and its charts.
async fn show(toolbox: &Toolbox, code: &str) -> (String, Vec<Value>) {
    let packages = std::env::var("DAYTONA_TEST_PYTHONPATH")
        .expect("DAYTONA_TEST_PYTHONPATH must name a directory with matplotlib; `make test` sets it");
    let body = json!({"code": code, "language": "python", "envs": {"PYTHONPATH": packages}});
    let (_, answer) = toolbox.post("/process/code-run", body).await;
    assert_eq!(answer["exitCode"], 0, "{answer}");
    let charts = answer["artifacts"]["charts"].as_array().cloned().unwrap_or_default();
    for chart in &charts {
        let png = chart["png"].as_str().expect("a picture");
        assert!(png.starts_with("iVBORw0KGgo"), "not a PNG: {}", &png[..png.len().min(20)]);
    }
    (answer["result"].as_str().unwrap().to_owned(), charts)
}

/// Runs a program that shows one figure.
async fn chart(toolbox: &Toolbox, code: &str) -> Value {
    let (_, mut charts) = show(toolbox, &format!("import matplotlib.pyplot as plt\n{code}\nplt.show()")).await;
    assert_eq!(charts.len(), 1, "{code}");
    charts.remove(0)
}

#[tokio::test]
async fn lines_have_labels_points_ticks_and_scales() {
    let toolbox = Toolbox::start();
    let code = "plt.plot([1, 2, 3], [1, 10, 100], label='a')\nplt.plot([1, 2], [5, 6])\nplt.yscale('log')\n\
                plt.title('T')\nplt.xlabel('X')\nplt.ylabel('Y')";
    let chart = chart(&toolbox, code).await;
    assert_eq!((&chart["type"], &chart["title"]), (&json!("line"), &json!("T")));
    assert_eq!((&chart["x_label"], &chart["y_label"]), (&json!("X"), &json!("Y")));
    assert_eq!((&chart["x_scale"], &chart["y_scale"]), (&json!("linear"), &json!("log")));
    assert_eq!(chart["elements"][0]["label"], "a");
    let points: Vec<Vec<f64>> = serde_json::from_value(chart["elements"][0]["points"].clone()).unwrap();
    assert_eq!(points, [[1.0, 1.0], [2.0, 10.0], [3.0, 100.0]]);
    assert_eq!(chart["elements"].as_array().unwrap().len(), 2);
    assert!(chart["x_ticks"][0].is_number() && chart["x_tick_labels"][0].is_string(), "{chart}");
}

#[tokio::test]
async fn dates_are_seconds_and_the_scale_says_so() {
    let toolbox = Toolbox::start();
    let code = "import datetime\nd = datetime.datetime\nplt.plot([d(2024, 1, 1), d(2024, 6, 1)], [1, 2])";
    let chart = chart(&toolbox, code).await;
    assert_eq!((&chart["type"], &chart["x_scale"]), (&json!("line"), &json!("datetime")));
    assert_eq!(chart["elements"][0]["points"][0][0].as_f64(), Some(1_704_067_200.0));
    assert!(chart["x_ticks"].as_array().unwrap().iter().all(Value::is_number), "{chart}");
    assert!(chart["x_tick_labels"][0].as_str().unwrap().starts_with("2024"), "{chart}");
}

#[tokio::test]
async fn scattered_points_are_told() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.scatter([1, 2], [3, 4], label='s')").await;
    assert_eq!((&chart["type"], &chart["elements"][0]["label"]), (&json!("scatter"), &json!("s")));
    let points: Vec<Vec<f64>> = serde_json::from_value(chart["elements"][0]["points"].clone()).unwrap();
    assert_eq!(points, [[1.0, 3.0], [2.0, 4.0]]);
}

#[tokio::test]
async fn categories_are_places_in_a_row_with_names() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.plot(['a', 'b'], [5, 6])").await;
    assert_eq!((&chart["x_scale"], &chart["x_tick_labels"]), (&json!("categorical"), &json!(["a", "b"])));
    let points: Vec<Vec<f64>> = serde_json::from_value(chart["elements"][0]["points"].clone()).unwrap();
    assert_eq!(points, [[0.0, 5.0], [1.0, 6.0]]);
}

#[tokio::test]
async fn bars_have_names_groups_and_values() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.bar(['x', 'y'], [3, 4.5], label='g')").await;
    assert_eq!(chart["type"], "bar");
    let elements = &chart["elements"];
    assert_eq!((&elements[0]["label"], &elements[0]["group"]), (&json!("x"), &json!("g")));
    // Text, as the contract has it.
    assert_eq!((&elements[0]["value"], &elements[1]["value"]), (&json!("3"), &json!("4.5")));
}

#[tokio::test]
async fn slices_have_angles_and_what_is_written_on_them() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.pie([1, 3], labels=['a', 'b'], autopct='%d%%')").await;
    assert_eq!(chart["type"], "pie");
    let slice = &chart["elements"][1];
    assert_eq!((&slice["label"], &slice["autopct"]), (&json!("b"), &json!("75%")));
    assert!((slice["angle"].as_f64().unwrap() - 270.0).abs() < 0.01, "{slice}");
    assert_eq!(slice["radius"].as_f64(), Some(1.0));
}

#[tokio::test]
async fn boxes_have_quartiles_and_outliers() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.boxplot([[1, 2, 3, 4, 100], [5, 6, 7]])").await;
    assert_eq!(chart["type"], "box_and_whisker");
    let first = &chart["elements"][0];
    let of = |key: &str| first[key].as_f64();
    assert_eq!((of("min"), of("first_quartile"), of("median")), (Some(1.0), Some(2.0), Some(3.0)));
    assert_eq!((of("third_quartile"), of("max"), first["outliers"][0].as_f64()), (Some(4.0), Some(4.0), Some(100.0)));
    assert_eq!(chart["elements"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn figures_of_several_charts_are_composite() {
    let toolbox = Toolbox::start();
    let code = "fig, (a, b) = plt.subplots(1, 2)\na.plot([1, 2], [3, 4])\na.set_title('left')\n\
                b.bar(['x'], [1])\nfig.suptitle('both')";
    let chart = chart(&toolbox, code).await;
    assert_eq!((&chart["type"], &chart["title"]), (&json!("composite_chart"), &json!("both")));
    assert_eq!((&chart["elements"][0]["type"], &chart["elements"][0]["title"]), (&json!("line"), &json!("left")));
    assert_eq!(chart["elements"][1]["type"], "bar");
}

#[tokio::test]
async fn a_figure_of_another_kind_is_a_picture() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.imshow([[1, 2], [3, 4]])").await;
    assert_eq!(chart["type"], "unknown");
}

#[tokio::test]
async fn every_figure_is_shown_once_and_output_stays_as_it_was() {
    let toolbox = Toolbox::start();
    let code = "import matplotlib.pyplot as plt\nprint('before')\nplt.plot([1, 2])\nplt.show()\nplt.show()\n\
                plt.figure()\nplt.plot([2, 1])\nprint('half', end='')\nplt.show()\nprint(' line')";
    let (output, charts) = show(&toolbox, code).await;
    assert_eq!((output.as_str(), charts.len()), ("before\nhalf line\n", 2));
}

#[tokio::test]
async fn values_that_are_no_numbers_are_left_out() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.plot([1, 2, 3], [1, float('nan'), float('inf')])").await;
    let points: Vec<Vec<f64>> = serde_json::from_value(chart["elements"][0]["points"].clone()).unwrap();
    assert_eq!(points, [[1.0, 1.0]]);
}

#[tokio::test]
async fn a_redirected_output_is_the_programs_own() {
    let toolbox = Toolbox::start();
    let code = "import contextlib, io\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\ns = io.StringIO()\n\
                with contextlib.redirect_stdout(s):\n    print('kept')\n    plt.show()\nprint(repr(s.getvalue()))";
    let (output, charts) = show(&toolbox, code).await;
    assert_eq!((output.as_str(), charts.len()), ("'kept\\n'\n", 1));
}

#[tokio::test]
async fn a_program_is_main_and_its_errors_are_its_own() {
    let toolbox = Toolbox::start();
    let code =
        "import matplotlib\nimport pickle\nclass C: pass\nprint(__name__, type(pickle.loads(pickle.dumps(C()))) is C)";
    assert_eq!(show(&toolbox, code).await.0, "__main__ True\n");
    let packages = std::env::var("DAYTONA_TEST_PYTHONPATH").expect("set above");
    let body = json!({
        "code": "import matplotlib\ndef f():\n    1/0\nf()", "language": "python", "envs": {"PYTHONPATH": packages},
    });
    let (_, answer) = toolbox.post("/process/code-run", body).await;
    let result = answer["result"].as_str().unwrap();
    assert_eq!(answer["exitCode"], 1);
    assert!(result.contains("ZeroDivisionError") && !result.contains("daytona"), "{result}");
}
