// Previews: a server in the sandbox, reached from outside.
//
//	DAYTONA_API_URL=local go run ./previews
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "serve", Run: serve},
		program.Part{Name: "link", Run: link},
		program.Part{Name: "signed", Run: signed},
		program.Part{Name: "forward", Run: forward},
	)
}

func serve(ctx context.Context, sandbox *daytona.Sandbox) error {
	if _, err := sandbox.Process.ExecuteCommand(ctx, "echo '<h1>Hello</h1>' > index.html"); err != nil {
		return err
	}
	if _, err := sandbox.Process.Spawn(ctx, "python3 -um http.server --bind 127.0.0.1 8000"); err != nil {
		return err
	}
	return sandbox.Process.WaitForPort(ctx, 8000, options.WithWaitTimeout(10*time.Second))
}

func show(answer *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fmt.Println(answer.StatusCode, string(text))
	return err
}

func link(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: link
	preview, err := sandbox.GetPreviewLink(ctx, 8000)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, preview.URL, nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Daytona-Preview-Token", preview.Token)
	err = show(http.DefaultClient.Do(request)) // Prints the answer.
	// endregion
	return err
}

func signed(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: signed
	signed, err := sandbox.GetSignedPreviewLink(ctx, 8000, 600)
	if err != nil {
		return err
	}
	if err := show(http.Get(signed.URL)); err != nil { // In a browser as well.
		return err
	}
	fmt.Println("until", signed.ExpiresAt)

	err = sandbox.ExpireSignedPreviewLink(ctx, 8000, signed.Token)
	// endregion
	return err
}

func forward(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: forward
	forwarded, err := sandbox.ForwardPort(ctx, 8000, 0)
	if err != nil {
		return err
	}
	defer forwarded.Close()
	err = show(http.Get(fmt.Sprintf("http://127.0.0.1:%d/", forwarded.LocalPort())))
	// endregion
	return err
}
