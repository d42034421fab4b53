//! The code interpreter: Python whose variables, imports and functions last from run to run, and charts.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example interpreter
//! ```

use std::error::Error;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daytona::model::{ChartType, CodeRunOptions, CreateContextOptions, RunCodeOptions};
use daytona::stream::interpreter::InterpreterEvent;
use daytona::{Client, Config, Sandbox};

type Outcome = Result<(), Box<dyn Error>>;

async fn state(sandbox: &Sandbox) -> Outcome {
    // region: state
    let interpreter = sandbox.code_interpreter();
    let options = RunCodeOptions::default;
    interpreter.run_code("import math\nradius = 2", options()).await?.collect().await?;
    let area = interpreter.run_code("print(f'{math.pi * radius ** 2:.2f}')", options()).await?;
    print!("{}", area.collect().await?.stdout);

    let result = interpreter.run_code("radius / 0", options()).await?.collect().await?;
    if let Some(error) = result.error {
        println!("{}: {}", error.name, error.value); // An exception is a result, not an error.
    }
    // endregion
    Ok(())
}

async fn live(sandbox: &Sandbox) -> Outcome {
    // region: live
    let code = "import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)";
    let options = RunCodeOptions {
        envs: Some([("GREETING".into(), "hello".into())].into()),
        timeout: Some(Duration::from_secs(30)),
        ..Default::default()
    };
    let mut run = sandbox.code_interpreter().run_code(code, options).await?;
    while let Some(event) = run.next().await? {
        match event {
            InterpreterEvent::Stdout(text) => print!("{text}"),
            InterpreterEvent::Stderr(text) => eprint!("{text}"),
            InterpreterEvent::Error(error) => println!("{}", error.traceback),
        }
    }
    // endregion
    Ok(())
}

async fn contexts(sandbox: &Sandbox) -> Outcome {
    // region: contexts
    let interpreter = sandbox.code_interpreter();
    let options = CreateContextOptions { cwd: Some("/tmp".into()), ..Default::default() };
    let context = interpreter.create_context(options).await?;
    let inside = RunCodeOptions { context_id: Some(context.id.clone()), ..Default::default() };
    interpreter.run_code("secret = 42", inside).await?.collect().await?;
    let result = interpreter.run_code("secret", RunCodeOptions::default()).await?.collect().await?;
    println!("{:?}", result.error.map(|error| error.name)); // The default context is another one.
    interpreter.delete_context(&context.id).await?;
    // endregion
    Ok(())
}

async fn charts(sandbox: &Sandbox) -> Outcome {
    // region: charts
    let program = "import matplotlib.pyplot as plt
plt.plot([1, 2, 3], [1, 4, 9], label='squares')
plt.title('Growth')
plt.show()";
    let response = sandbox.code_run(program, CodeRunOptions::default()).await?;
    for chart in response.artifacts.unwrap_or_default().charts {
        println!("{:?} {:?}", chart.chart_type, chart.title);
        if chart.chart_type == ChartType::Line {
            println!("{:?} {:?}", chart.elements[0].label, chart.elements[0].points);
        }
        if let Some(png) = chart.png {
            std::fs::write(std::env::temp_dir().join("chart.png"), STANDARD.decode(png)?)?;
        }
    }
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Outcome {
    state(sandbox).await?;
    live(sandbox).await?;
    contexts(sandbox).await?;
    charts(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
