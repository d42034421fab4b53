// The network: what a sandbox may reach, what it tried, and the lists a program needs.
//
//	DAYTONA_API_URL=local go run ./network
package main

import (
	"context"
	"fmt"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"

	"examples/program"
)

func main() {
	program.Main(
		program.Part{Name: "learn", Run: learn},
		program.Part{Name: "limits", Run: limits},
	)
}

func learn(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: learn
	if _, err := sandbox.Process.ExecuteCommand(ctx, "curl --silent --max-time 10 --output page https://example.com/"); err != nil {
		return err
	}
	log, err := sandbox.Network.Log(ctx)
	if err != nil {
		return err
	}
	for _, attempt := range log.Entries {
		if attempt.Name != nil {
			fmt.Println(attempt.Protocol, *attempt.Name, attempt.Allowed, attempt.Rule)
		}
	}
	err = sandbox.UpdateNetworkSettings(ctx, types.NetworkSettings{
		DomainAllowList: &log.DomainAllowList, NetworkAllowList: &log.NetworkAllowList,
	})
	// endregion
	return err
}

func limits(ctx context.Context, sandbox *daytona.Sandbox) error {
	// region: limits
	list := "pypi.org,*.pythonhosted.org"
	if err := sandbox.UpdateNetworkSettings(ctx, types.NetworkSettings{DomainAllowList: &list}); err != nil {
		return err
	}
	fmt.Println("reaches only", *sandbox.DomainAllowList)

	all := true
	err := sandbox.UpdateNetworkSettings(ctx, types.NetworkSettings{NetworkBlockAll: &all})
	// endregion
	return err
}
