// Secrets: values that programs in a sandbox use without having them.
//
//	DAYTONA_API_URL=local go run ./secrets
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/types"
)

func use(ctx context.Context, client *daytona.Client, name string) error {
	// region: use
	_, err := client.Secret.Create(ctx, types.CreateSecretParams{
		Name: name, Value: "sk-...", Hosts: []string{"api.example.com"},
	})
	if err != nil {
		return err
	}
	sandbox, err := client.Create(ctx, types.SnapshotParams{
		SandboxBaseParams: types.SandboxBaseParams{Secrets: map[string]string{"API_KEY": name}},
	})
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx))
	printed, err := sandbox.Process.ExecuteCommand(ctx, "echo $API_KEY")
	if err != nil {
		return err
	}
	fmt.Println(printed.Result) // dtn_secret_...
	// The server is sent the value: curl -H "Authorization: Bearer $API_KEY" https://api.example.com/
	// endregion
	return nil
}

func manage(ctx context.Context, client *daytona.Client, name string) error {
	sandbox, err := client.Create(ctx, types.SnapshotParams{
		SandboxBaseParams: types.SandboxBaseParams{Secrets: map[string]string{"API_KEY": name}},
	})
	if err != nil {
		return err
	}
	defer sandbox.Delete(context.WithoutCancel(ctx))
	// region: manage
	page, err := client.Secret.List(ctx, options.WithListSecretsName(name))
	if err != nil {
		return err
	}
	value := "sk-new"
	for _, secret := range page.Items {
		fmt.Println(secret.Name, secret.Hosts, secret.Placeholder)
		changes := types.UpdateSecretParams{Value: &value, Hosts: []string{"*.example.com"}}
		if _, err := client.Secret.Update(ctx, secret.ID, changes); err != nil {
			return err
		}
	}

	if err := sandbox.UpdateSecrets(ctx, map[string]string{"OTHER_KEY": name}); err != nil {
		return err
	}
	if err := sandbox.UpdateSecrets(ctx, map[string]string{}); err != nil {
		return err
	}

	for _, secret := range page.Items {
		if err := client.Secret.Delete(ctx, secret.ID); err != nil {
			return err
		}
	}
	// endregion
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := daytona.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(context.Background())
	name := fmt.Sprintf("example-%d-%d", os.Getpid(), time.Now().UnixNano())
	for _, part := range []func(context.Context, *daytona.Client, string) error{use, manage} {
		if err := part(ctx, client, name); err != nil {
			log.Fatal(err)
		}
	}
}
