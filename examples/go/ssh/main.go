// Access to a sandbox by SSH.
//
//	DAYTONA_API_URL=local go run ./ssh
package main

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "access", Run: access},
		program.Part{Name: "revoke", Run: revoke},
	)
}

func access(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: access
	minutes := 30
	access, err := sandbox.CreateSSHAccess(ctx, &minutes)
	if err != nil {
		return err
	}
	fmt.Println(access.SSHCommand) // ssh -p 34571 f38kj4…@127.0.0.1
	// endregion
	return nil
}

func revoke(ctx context.Context, sandbox *daytona.Sandbox) error {
	access, err := sandbox.CreateSSHAccess(ctx, nil)
	if err != nil {
		return err
	}
	// region: revoke
	found, err := sandbox.ValidateSSHAccess(ctx, access.Token)
	if err != nil {
		return err
	}
	fmt.Println(found.Valid)
	// With an empty token: whatever access there is.
	if err := sandbox.RevokeSSHAccess(ctx, access.Token); err != nil {
		return err
	}
	// endregion
	found, err = sandbox.ValidateSSHAccess(ctx, access.Token)
	if err != nil {
		return err
	}
	fmt.Println(found.Valid)
	return nil
}
