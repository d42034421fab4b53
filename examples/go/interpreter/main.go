// Interpreter: Python whose variables, imports and functions last from run to run, and charts.
//
//	DAYTONA_API_URL=local go run ./interpreter
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "state", Run: state},
		program.Part{Name: "live", Run: live},
		program.Part{Name: "contexts", Run: contexts},
		program.Part{Name: "charts", Run: charts},
	)
}

func state(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: state
	interpreter := sandbox.CodeInterpreter
	run := func(code string) (*types.ExecutionResult, error) {
		output, err := interpreter.RunCode(ctx, code)
		if err != nil {
			return nil, err
		}
		return output.Wait()
	}
	if _, err := run("import math\nradius = 2"); err != nil {
		return err
	}
	result, err := run("print(f'{math.pi * radius ** 2:.2f}')")
	if err != nil {
		return err
	}
	fmt.Print(result.Stdout)

	result, err = run("radius / 0") // An exception is a result, not an error.
	if err != nil {
		return err
	}
	if result.Error != nil {
		fmt.Printf("%s: %s\n", result.Error.Name, result.Error.Value)
	}
	// endregion
	return nil
}

func live(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: live
	output, err := sandbox.CodeInterpreter.RunCode(ctx,
		"import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)",
		options.WithEnv(map[string]string{"GREETING": "hello"}),
		options.WithInterpreterTimeout(30*time.Second))
	if err != nil {
		return err
	}
	for message := range output.Stdout {
		fmt.Print(message.Text)
	}
	for message := range output.Stderr {
		fmt.Fprint(os.Stderr, message.Text)
	}
	if err := output.Err(); err != nil {
		return err
	}
	// endregion
	return nil
}

func contexts(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: contexts
	interpreter := sandbox.CodeInterpreter
	created, err := interpreter.CreateContextTyped(ctx, options.WithContextCwd("/tmp"))
	if err != nil {
		return err
	}
	output, err := interpreter.RunCode(ctx, "secret = 42", options.WithCustomContext(created.ID))
	if err != nil {
		return err
	}
	if _, err := output.Wait(); err != nil {
		return err
	}
	output, err = interpreter.RunCode(ctx, "secret") // The default context is another one.
	if err != nil {
		return err
	}
	result, err := output.Wait()
	if err != nil {
		return err
	}
	if result.Error != nil {
		fmt.Println(result.Error.Name)
	}
	if err := interpreter.DeleteContext(ctx, created.ID); err != nil {
		return err
	}
	// endregion
	return nil
}

func charts(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: charts
	response, err := sandbox.Process.CodeRun(ctx, `import matplotlib.pyplot as plt
plt.plot([1, 2, 3], [1, 4, 9], label='squares')
plt.title('Growth')
plt.show()`)
	if err != nil {
		return err
	}
	for _, chart := range response.Artifacts.Charts {
		fmt.Println(chart.Type, chart.Title)
		if lines, ok := chart.Elements.([]types.PointData); ok {
			fmt.Println(lines[0].Label, lines[0].Points)
		}
		if chart.PNG != nil {
			picture, err := base64.StdEncoding.DecodeString(*chart.PNG)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(os.TempDir(), "chart.png"), picture, 0o600); err != nil {
				return err
			}
		}
	}
	// endregion
	return nil
}
