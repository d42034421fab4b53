//! A code assistant: completions, symbols, types and problems, from the language server of a project.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example language_servers
//! ```

use daytona::model::{FileUpload, LspCompletionPosition, LspLanguageId};
use daytona::{Client, Config, Result, Sandbox};

const BASKET: &str = "\
class Basket:
    # What a customer wants to buy.

    def __init__(self) -> None:
        self.prices: list[float] = []

    def add(self, price: float) -> None:
        self.prices.append(price)
";

const MAIN: &str = "\
from basket import Basket

basket = Basket()
basket.add(\"3\" )
";

async fn assistant(sandbox: &Sandbox) -> Result<()> {
    // region: assistant
    let server = sandbox.create_lsp_server(LspLanguageId::Python, "shop");
    server.start().await?;

    for symbol in server.document_symbols("basket.py").await? {
        let children = symbol.children.unwrap_or_default();
        println!("{} has {:?}", symbol.name, children.iter().map(|child| &child.name).collect::<Vec<_>>());
    }

    // Lines and characters count from 0: this is behind `basket.add`.
    let position = LspCompletionPosition { line: 3, character: 10 };
    let completions = server.completions("main.py", position, Default::default()).await?;
    for item in completions.items.iter().take(2) {
        println!("completes to {}", item.label);
    }

    for symbol in server.sandbox_symbols("Basket").await? {
        println!("{} is in {}", symbol.name, symbol.location.uri);
    }
    // endregion
    Ok(())
}

async fn understand(sandbox: &Sandbox) -> Result<()> {
    // region: understand
    let server = sandbox.create_lsp_server(LspLanguageId::Python, "shop");
    server.start().await?;
    let add = LspCompletionPosition { line: 3, character: 8 };

    println!("{}", server.hover("main.py", add).await?.contents);
    for place in server.definition("main.py", add).await? {
        println!("defined in {} line {}", place.uri, place.range.start.line + 1);
    }
    for place in server.references("main.py", add, Default::default()).await? {
        println!("used in {} line {}", place.uri, place.range.start.line + 1);
    }
    for problem in server.diagnostics("main.py").await? {
        println!("problem in line {} {}", problem.range.start.line + 1, problem.message);
    }
    // endregion
    Ok(())
}

async fn change(sandbox: &Sandbox) -> Result<()> {
    // region: change
    let server = sandbox.create_lsp_server(LspLanguageId::Python, "shop");
    server.start().await?;

    let class = LspCompletionPosition { line: 0, character: 6 };
    for file in server.rename("basket.py", class, "Cart").await? {
        println!("{} changes in {}", file.edits.len(), file.uri);
    }
    for edit in server.formatting("main.py", Default::default()).await? {
        println!("line {} becomes {:?}", edit.range.start.line + 1, edit.new_text);
    }

    server.stop().await?;
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Result<()> {
    for (path, text) in [("shop/basket.py", BASKET), ("shop/main.py", MAIN)] {
        let file = FileUpload { destination: path.into(), content: Some(text.into()), ..Default::default() };
        sandbox.fs().upload_file(file, Default::default()).await?;
    }
    assistant(sandbox).await?;
    understand(sandbox).await?;
    change(sandbox).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
