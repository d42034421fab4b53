// A code assistant: completions, symbols, types and problems, from the language server of a project.
//
//	DAYTONA_API_URL=local go run ./language_servers
package main

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

const basket = `class Basket:
    # What a customer wants to buy.

    def __init__(self) -> None:
        self.prices: list[float] = []

    def add(self, price: float) -> None:
        self.prices.append(price)
`

const shop = `from basket import Basket

basket = Basket()
basket.add("3" )
`

func main() {
	program.Main(
		program.Part{Name: "prepare", Run: prepare},
		program.Part{Name: "assistant", Run: assistant},
		program.Part{Name: "understand", Run: understand},
		program.Part{Name: "change", Run: change},
	)
}

func prepare(ctx context.Context, sandbox *daytona.Sandbox) error {
	if err := sandbox.FileSystem.UploadFile(ctx, []byte(basket), "shop/basket.py"); err != nil {
		return err
	}
	return sandbox.FileSystem.UploadFile(ctx, []byte(shop), "shop/main.py")
}

func assistant(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: assistant
	server := sandbox.CreateLspServer(types.LspLanguagePython, "shop")
	if err := server.Start(ctx); err != nil {
		return err
	}
	symbols, err := server.DocumentSymbolsTyped(ctx, "basket.py")
	if err != nil {
		return err
	}
	for _, symbol := range symbols {
		fmt.Println(symbol.Name, "has", len(symbol.Children))
	}

	// Lines and characters count from 0: this is behind `basket.add`.
	completions, err := server.CompletionsTyped(ctx, "main.py", types.Position{Line: 3, Character: 10})
	if err != nil {
		return err
	}
	for _, item := range completions.Items {
		fmt.Println("completes to", item.Label)
	}

	found, err := server.SandboxSymbolsTyped(ctx, "Basket")
	if err != nil {
		return err
	}
	for _, symbol := range found {
		fmt.Println(symbol.Name, "is in", symbol.Location.Uri)
	}
	// endregion
	return nil
}

func understand(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: understand
	server := sandbox.CreateLspServer(types.LspLanguagePython, "shop")
	if err := server.Start(ctx); err != nil {
		return err
	}
	add := types.Position{Line: 3, Character: 8}
	hover, err := server.Hover(ctx, "main.py", add)
	if err != nil {
		return err
	}
	fmt.Println(hover.Contents)

	places, err := server.Definition(ctx, "main.py", add)
	if err != nil {
		return err
	}
	for _, place := range places {
		fmt.Println("defined in", place.Uri, "line", place.Range.Start.Line+1)
	}
	places, err = server.References(ctx, "main.py", add)
	if err != nil {
		return err
	}
	for _, place := range places {
		fmt.Println("used in", place.Uri, "line", place.Range.Start.Line+1)
	}
	problems, err := server.Diagnostics(ctx, "main.py")
	if err != nil {
		return err
	}
	for _, problem := range problems {
		fmt.Println("problem in line", problem.Range.Start.Line+1, problem.Message)
	}
	// endregion
	return nil
}

func change(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: change
	server := sandbox.CreateLspServer(types.LspLanguagePython, "shop")
	if err := server.Start(ctx); err != nil {
		return err
	}
	files, err := server.Rename(ctx, "basket.py", types.Position{Line: 0, Character: 6}, "Cart")
	if err != nil {
		return err
	}
	for _, file := range files {
		fmt.Println(len(file.Edits), "changes in", file.Uri)
	}
	edits, err := server.Formatting(ctx, "main.py")
	if err != nil {
		return err
	}
	for _, edit := range edits {
		fmt.Printf("line %d becomes %q\n", edit.Range.Start.Line+1, edit.NewText)
	}
	err = server.Stop(ctx)
	// endregion
	return err
}
