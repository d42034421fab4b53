// Webhooks: a message is verified before it is believed.
//
//	DAYTONA_API_URL=local go run ./webhooks
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/daytona"
	daytonaerrors "github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
	"github.com/daytonaio/daytona/libs/sdk-go/pkg/options"
)

// A message as a web server hands it over, and the secret of the endpoint it was sent to.
const (
	body   = `{"test": 2432232314}`
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

var headers = map[string]string{
	"webhook-id":        "msg_p5jXN8AQM9LWM0D4loKWxJek",
	"webhook-timestamp": "1614265330",
	"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	client, err := daytona.NewClient()
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	// This message is from 2021; without a tolerance those of the last five minutes are taken.
	status, err := receive(ctx, client, options.WithVerifyWebhookTolerance(0))
	if err != nil {
		return err
	}
	fmt.Println(status)
	status, err = receive(ctx, client)
	fmt.Println(status)
	return err
}

// region: receive
func receive(ctx context.Context, client *daytona.Client, opts ...func(*options.VerifyWebhook)) (int, error) {
	message, err := client.VerifyWebhook(ctx, body, headers, secret, opts...)
	if errors.Is(err, daytonaerrors.ErrAuthentication) {
		return 401, nil
	}
	if err != nil {
		return 0, err
	}
	fmt.Println(message.ID, message.Event, message.Payload)
	return 204, nil
}

// endregion
