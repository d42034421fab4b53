// The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.
//
//	DAYTONA_API_URL=local go run ./desktop
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	// region: create
	params := types.SnapshotParams{Snapshot: "daytona-desktop"}
	// endregion
	program.MainWith(params,
		program.Part{Name: "start", Run: start},
		program.Part{Name: "keyboard", Run: keyboard},
		program.Part{Name: "mouse", Run: mouse},
		program.Part{Name: "screenshot", Run: screenshot},
		program.Part{Name: "recording", Run: recording},
		program.Part{Name: "accessibility", Run: accessibility},
		program.Part{Name: "agent", Run: agent},
		program.Part{Name: "act", Run: act},
		program.Part{Name: "trajectory", Run: trajectory},
	)
}

func start(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: start
	if err := sandbox.ComputerUse.Start(ctx); err != nil {
		return err
	}
	status, err := sandbox.ComputerUse.GetStatusTyped(ctx)
	if err != nil {
		return err
	}
	fmt.Println(status.Status)
	// endregion
	return nil
}

func keyboard(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: keyboard
	if _, err := sandbox.Process.ExecuteCommand(ctx, "mousepad notes.txt >/dev/null 2>&1 &"); err != nil {
		return err
	}
	for open := false; !open; time.Sleep(100 * time.Millisecond) {
		found, err := sandbox.ComputerUse.Display().GetWindowsTyped(ctx)
		if err != nil {
			return err
		}
		for _, window := range found.Windows {
			open = open || strings.Contains(window.Title, "notes") && window.IsActive
		}
	}
	if err := sandbox.ComputerUse.Keyboard().Type(ctx, "Grüße 👋\n", nil); err != nil {
		return err
	}
	if err := sandbox.ComputerUse.Keyboard().Hotkey(ctx, "ctrl+s"); err != nil {
		return err
	}
	// endregion
	return saved(ctx, sandbox, "Grüße")
}

func mouse(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: mouse
	info, err := sandbox.ComputerUse.Display().GetInfoTyped(ctx)
	if err != nil {
		return err
	}
	x, y := info.Displays[0].Width/2, info.Displays[0].Height/2
	if _, err := sandbox.ComputerUse.Mouse().Click(ctx, x, y, nil, nil); err != nil {
		return err
	}
	_, err = sandbox.ComputerUse.Mouse().Scroll(ctx, x, y, "down", daytona.Ptr(3))
	// endregion
	return err
}

func screenshot(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: screenshot
	picture, err := sandbox.ComputerUse.Screenshot().TakeFullScreen(ctx, daytona.Ptr(true))
	if err != nil {
		return err
	}
	file, err := base64.StdEncoding.DecodeString(picture.Image)
	if err != nil {
		return err
	}
	fmt.Println(picture.Width, "x", picture.Height, "pixels,", len(file), "bytes")

	small, err := sandbox.ComputerUse.Screenshot().TakeCompressed(ctx, &types.ScreenshotOptions{
		Format: daytona.Ptr("jpeg"), Quality: daytona.Ptr(70), Scale: daytona.Ptr(0.5),
	})
	if err != nil {
		return err
	}
	fmt.Println(small.Width, "x", small.Height, "pixels,", *small.SizeBytes, "bytes")
	// endregion
	return nil
}

func recording(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: recording
	recording, err := sandbox.ComputerUse.Recording().Start(ctx, daytona.Ptr("tour"))
	if err != nil {
		return err
	}
	if _, err := sandbox.ComputerUse.Mouse().Move(ctx, 200, 200); err != nil {
		return err
	}
	if _, err := sandbox.ComputerUse.Recording().Stop(ctx, recording.ID); err != nil {
		return err
	}
	err = sandbox.ComputerUse.Recording().Download(ctx, recording.ID, "tour.mp4")
	// endregion
	if err != nil {
		return err
	}
	return os.Remove("tour.mp4")
}

func accessibility(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: accessibility
	tree := sandbox.ComputerUse.Accessibility()
	found, err := tree.FindNodes(ctx,
		options.WithAccessibilityFindScope("all"), options.WithAccessibilityFindRole("text"),
		options.WithAccessibilityFindStates("editable", "showing"))
	if err != nil {
		return err
	}
	for _, node := range found.Matches {
		if err := tree.FocusNode(ctx, node.ID); err != nil {
			return err
		}
		if err := tree.SetNodeValue(ctx, node.ID, "Set by its place in the tree.\n"); err != nil {
			return err
		}
	}
	// endregion
	if len(found.Matches) == 0 {
		return errors.New("nothing found")
	}
	return nil
}

// action is what a model wants to be done.
type action struct {
	name string
	x, y int
	text string
}

// model stands for one that looks at the screen and says what to do next.
func model(picture *types.ScreenshotResponse, step int) action {
	return []action{
		{name: "click", x: picture.Width / 2, y: picture.Height / 2},
		{name: "type", text: "Written by an agent.\n"},
		{name: "hotkey", text: "ctrl+s"},
		{name: "done"},
	}[step]
}

func agent(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: agent
	desktop := sandbox.ComputerUse
	for step := 0; step < 50; step++ {
		picture, err := desktop.Screenshot().TakeCompressed(ctx, nil)
		if err != nil {
			return err
		}
		next := model(picture, step)
		if next.name == "done" {
			break
		}
		switch next.name {
		case "click":
			_, err = desktop.Mouse().Click(ctx, next.x, next.y, nil, nil)
		case "type":
			err = desktop.Keyboard().Type(ctx, next.text, nil)
		case "hotkey":
			err = desktop.Keyboard().Hotkey(ctx, next.text)
		}
		if err != nil {
			return err
		}
	}
	// endregion
	return saved(ctx, sandbox, "agent")
}

func act(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: act
	done, err := sandbox.ComputerUse.Act(ctx, []types.DesktopAction{
		{Action: "click", X: daytona.Ptr(640), Y: daytona.Ptr(360)},
		{Action: "type", Text: daytona.Ptr("Several at once.\n")},
		{Action: "hotkey", Keys: daytona.Ptr("ctrl+s")},
	}, options.WithActFormat("jpeg"), options.WithActScale(0.5))
	if err != nil {
		return err
	}
	fmt.Println(done.Actions, "actions, the screen is at rest:", done.AtRest)
	fmt.Println("and shown in", *done.Screenshot.SizeBytes, "bytes")
	// endregion
	return saved(ctx, sandbox, "at once")
}

func trajectory(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: trajectory
	if _, err := sandbox.ComputerUse.StartTrajectory(ctx, options.WithTrajectoryLabel("Notes")); err != nil {
		return err
	}
	if _, err := sandbox.ComputerUse.Mouse().Click(ctx, 640, 360, nil, nil); err != nil {
		return err
	}
	if err := sandbox.ComputerUse.Keyboard().Type(ctx, "Step by step.\n", nil); err != nil {
		return err
	}
	recorded, err := sandbox.ComputerUse.StopTrajectory(ctx)
	if err != nil {
		return err
	}

	err = sandbox.FileSystem.DownloadFileTo(ctx, recorded.FilePath, "trajectory.html")
	// endregion
	if err != nil {
		return err
	}
	if recorded.Actions != 2 {
		return fmt.Errorf("%d actions", recorded.Actions)
	}
	return os.Remove("trajectory.html")
}

// saved waits until the editor has written a text.
func saved(ctx context.Context, sandbox *daytona.Sandbox, text string) error {
	for {
		found, err := sandbox.Process.ExecuteCommand(ctx, "cat notes.txt")
		if err != nil || strings.Contains(found.Result, text) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}
