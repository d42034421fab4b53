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
    // A new home has it, too. Without it matplotlib looks for fonts, and says so in the output when that takes long.
    let fonts = std::path::Path::new(&packages).join("../../skel/.cache/matplotlib");
    let envs = json!({"PYTHONPATH": packages, "MPLCONFIGDIR": fonts});
    let body = json!({"code": code, "language": "python", "envs": envs});
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

/// The chart of a program that shows one figure, without its picture and with every number a fraction.
async fn fields(toolbox: &Toolbox, code: &str) -> Value {
    let mut chart = chart(toolbox, code).await;
    chart.as_object_mut().unwrap().remove("png");
    fractions(chart)
}

/// Python and JSON tell 1 from 1.0, charts do not.
fn fractions(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(fractions).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, fractions(value))).collect(),
        other => other,
    }
}

/// Sets everything about the axes, so that nothing depends on the version of matplotlib.
const AXES: &str = "plt.title('T')\nplt.xlabel('X')\nplt.ylabel('Y')\nplt.xticks([0, 1, 2])\n\
                    plt.yticks([0, 5, 10], ['zero', 'five', 'ten'])";

/// The fields of a chart whose axes were set so.
fn with_axes(kind: &str, elements: Value) -> Value {
    fractions(json!({
        "type": kind, "title": "T", "x_label": "X", "y_label": "Y", "x_ticks": [0, 1, 2], "y_ticks": [0, 5, 10],
        "x_tick_labels": ["0", "1", "2"], "y_tick_labels": ["zero", "five", "ten"], "x_scale": "linear", "y_scale": "linear",
        "elements": elements,
    }))
}

#[tokio::test]
async fn line_charts_have_every_field_of_the_contract() {
    let toolbox = Toolbox::start();
    let code = format!("plt.plot([0, 1, 2], [1, 4, 9], label='a')\nplt.plot([0, 2], [2.5, 3])\n{AXES}");
    let elements =
        json!([{"label": "a", "points": [[0, 1], [1, 4], [2, 9]]}, {"label": "", "points": [[0, 2.5], [2, 3]]}]);
    assert_eq!(fields(&toolbox, &code).await, with_axes("line", elements));
}

#[tokio::test]
async fn scatter_charts_have_every_field_of_the_contract() {
    let toolbox = Toolbox::start();
    let code = format!("plt.scatter([0, 1.5], [3, 4], label='s')\nplt.scatter([2], [5])\n{AXES}");
    let elements = json!([{"label": "s", "points": [[0, 3], [1.5, 4]]}, {"label": "", "points": [[2, 5]]}]);
    assert_eq!(fields(&toolbox, &code).await, with_axes("scatter", elements));
}

#[tokio::test]
async fn bar_charts_have_every_field_of_the_contract() {
    let toolbox = Toolbox::start();
    // Values are text, as the contract has it.
    let bar = |label: &str, group: &str, value: &str| json!({"label": label, "group": group, "value": value});
    let code = format!("plt.bar(['p', 'q', 'r'], [3, 4.5, -1], label='g')\n{AXES}");
    let mut expected = with_axes("bar", json!([bar("p", "g", "3"), bar("q", "g", "4.5"), bar("r", "g", "-1")]));
    // The ticks were set to numbers, but the axis remains one of names.
    expected["x_scale"] = json!("categorical");
    expected["x_tick_labels"] = json!(["p", "q", "r"]);
    assert_eq!(fields(&toolbox, &code).await, expected);

    let code = "plt.bar([-0.2, 0.8], [1, 2], 0.4, label='one')\nplt.bar([0.2, 1.2], [3, 4], 0.4, label='two')\n\
                plt.xticks([0, 1], ['p', 'q'])\nplt.yticks([0, 5])";
    let grouped = fields(&toolbox, code).await;
    let elements = [bar("p", "one", "1"), bar("q", "one", "2"), bar("p", "two", "3"), bar("q", "two", "4")];
    assert_eq!(grouped["elements"], json!(elements));

    let sideways = fields(&toolbox, "plt.barh(['p', 'q'], [3, 4.5], label='g')").await;
    assert_eq!((&sideways["type"], &sideways["y_scale"]), (&json!("bar"), &json!("categorical")));
    assert_eq!(sideways["elements"], json!([bar("p", "g", "3"), bar("q", "g", "4.5")]));
}

#[tokio::test]
async fn pie_charts_have_every_field_of_the_contract() {
    let toolbox = Toolbox::start();
    let code = "plt.pie([1, 3], labels=['a', 'b'], autopct='%d%%', radius=1.5)\nplt.title('T')";
    let elements = json!([
        {"label": "a", "angle": 90, "radius": 1.5, "autopct": "25%"},
        {"label": "b", "angle": 270, "radius": 1.5, "autopct": "75%"},
    ]);
    assert_eq!(fields(&toolbox, code).await, fractions(json!({"type": "pie", "title": "T", "elements": elements})));
    let plain = fields(&toolbox, "plt.pie([1, 1])").await;
    let half = json!({"label": "", "angle": 180, "radius": 1});
    assert_eq!(plain, fractions(json!({"type": "pie", "elements": [half, half]})));
}

#[tokio::test]
async fn box_charts_have_every_field_of_the_contract() {
    let toolbox = Toolbox::start();
    let code = format!("plt.boxplot([[1, 2, 3, 4, 100], [5, 6, 7]])\n{AXES}\nplt.xticks([1, 2], ['l', 'r'])");
    let elements = json!([
        {"label": "l", "min": 1, "first_quartile": 2, "median": 3, "third_quartile": 4, "max": 4, "outliers": [100]},
        {"label": "r", "min": 5, "first_quartile": 5.5, "median": 6, "third_quartile": 6.5, "max": 7, "outliers": []},
    ]);
    let mut expected = with_axes("box_and_whisker", elements);
    expected["x_ticks"] = json!([1.0, 2.0]);
    expected["x_tick_labels"] = json!(["l", "r"]);
    assert_eq!(fields(&toolbox, &code).await, expected);
}

#[tokio::test]
async fn composite_charts_hold_whole_charts() {
    let toolbox = Toolbox::start();
    let mut code = "fig, ((a, b), (c, d)) = plt.subplots(2, 2)\nfig.suptitle('all')\nplt.sca(a)\nplt.plot([0, 1], [0, 1], label='l')\n".to_owned();
    code += &format!("{AXES}\nplt.sca(d)\nplt.scatter([1], [2], label='s')\n{AXES}\n");
    code += "b.bar(['x'], [1])\nc.pie([1, 1], labels=['u', 'v'])\nc.set_title('P')";
    let chart = fields(&toolbox, &code).await;
    assert_eq!((&chart["type"], &chart["title"]), (&json!("composite_chart"), &json!("all")));
    let parts = chart["elements"].as_array().unwrap();
    assert_eq!(parts.len(), 4);
    assert_eq!(parts[0], with_axes("line", json!([{"label": "l", "points": [[0, 0], [1, 1]]}])));
    assert_eq!(
        (&parts[1]["type"], &parts[1]["elements"]),
        (&json!("bar"), &json!([{"label": "x", "group": "", "value": "1"}]))
    );
    let slices = ["u", "v"].map(|label| json!({"label": label, "angle": 180.0, "radius": 1.0}));
    assert_eq!(parts[2], json!({"type": "pie", "title": "P", "elements": slices}));
    assert_eq!(parts[3], with_axes("scatter", json!([{"label": "s", "points": [[1, 2]]}])));
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
async fn categories_are_places_in_a_row_with_names() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.plot(['a', 'b'], [5, 6])").await;
    assert_eq!((&chart["x_scale"], &chart["x_tick_labels"]), (&json!("categorical"), &json!(["a", "b"])));
    let points: Vec<Vec<f64>> = serde_json::from_value(chart["elements"][0]["points"].clone()).unwrap();
    assert_eq!(points, [[0.0, 5.0], [1.0, 6.0]]);
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

#[tokio::test]
async fn what_a_chart_does_not_have_is_absent() {
    let toolbox = Toolbox::start();
    let chart = chart(&toolbox, "plt.plot([1, 2])").await;
    for name in ["title", "x_label", "y_label"] {
        assert_eq!(chart.get(name), None, "{chart}");
    }
    assert!(chart["x_ticks"].is_array() && chart["elements"].is_array(), "{chart}");
}
