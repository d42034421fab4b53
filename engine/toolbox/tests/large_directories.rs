//! Directories with very many files.

mod harness;

use harness::Toolbox;
use reqwest::StatusCode;
use serde_json::{Value, json};

const DIRECTORIES: usize = 20;
const FILES: usize = 1000;

async fn array(toolbox: &Toolbox, path: &str) -> Vec<Value> {
    let (status, answer) = toolbox.get(path).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer.as_array().expect("an array").clone()
}

#[tokio::test]
async fn twenty_thousand_files_are_listed_searched_read_and_removed() {
    let toolbox = Toolbox::start();
    for directory in 0..DIRECTORIES {
        let directory = toolbox.path(&format!("many/{directory:02}"));
        std::fs::create_dir_all(&directory).unwrap();
        for file in 0..FILES {
            let word = if file % 500 == 7 { "needle" } else { "hay" };
            std::fs::write(directory.join(format!("{file:04}.txt")), format!("first\n{word}\n")).unwrap();
        }
    }
    assert_eq!(array(&toolbox, "/files?path=many").await.len(), DIRECTORIES);
    assert_eq!(array(&toolbox, "/files?path=many&depth=1").await.len(), DIRECTORIES);
    let all = array(&toolbox, "/files?path=many&depth=2").await;
    assert_eq!(all.len(), DIRECTORIES * (FILES + 1));
    // Each directory before what it holds, everything in the order of its names.
    let paths: Vec<_> = all.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(paths.is_sorted());
    assert_eq!((&all[0]["name"], &all[1]["name"], &all[1]["size"]), (&json!("00"), &json!("0000.txt"), &json!(10)));

    let (_, found) = toolbox.get("/files/search?path=many&pattern=*5.txt").await;
    assert_eq!(found["files"].as_array().unwrap().len(), DIRECTORIES * FILES / 10);
    assert_eq!(found["files"][0], "many/00/0005.txt");
    let found = array(&toolbox, "/files/find?path=many&pattern=needle").await;
    assert_eq!(found.len(), DIRECTORIES * 2);
    assert_eq!(found[39], json!({"file": "many/19/0507.txt", "line": 2, "content": "needle"}));

    let names: Vec<_> = (0..100).map(|file| format!("many/00/{file:04}.txt")).collect();
    let body = json!({"files": names, "pattern": "first", "newValue": "second"});
    let (_, replaced) = toolbox.post("/files/replace", body).await;
    assert!(replaced.as_array().unwrap().iter().all(|file| file["success"] == true));
    assert_eq!(std::fs::read_to_string(toolbox.path("many/00/0099.txt")).unwrap(), "second\nhay\n");
    let request = toolbox.posting("/files/bulk-download", &json!({"paths": names}));
    let body = request.send().await.unwrap().bytes().await.unwrap();
    let parts = harness::multipart::parts(&body, "DAYTONA-FILE-BOUNDARY");
    assert!(parts.len() == 100 && parts.iter().all(|part| part.body.starts_with(b"second\n")));
    assert_eq!(toolbox.delete("/files?path=many&recursive=true").await.0, StatusCode::NO_CONTENT);
    assert!(!toolbox.path("many").exists());
}
