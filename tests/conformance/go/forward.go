package main

import (
	"context"
	"fmt"
	"io"
	"net"
)

// forwardPort sends the input on a connection to the forwarded port and reads the answer to its end.
func (c call) forwardPort(ctx context.Context) (any, error) {
	sandbox, err := c.client.Get(ctx, c.args.text("idOrName"))
	if err != nil {
		return nil, err
	}
	local := 0
	given(c.args, "localPort", &local)
	forward, err := sandbox.ForwardPort(ctx, into[int](c.args, "port"), local)
	if err != nil {
		return nil, err
	}
	defer forward.Close()
	if c.detach {
		return nil, nil
	}
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", forward.LocalPort()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	for _, text := range c.input {
		if _, err := io.WriteString(connection, text); err != nil {
			return nil, err
		}
	}
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, err
	}
	output, err := io.ReadAll(connection)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"localPort": float64(forward.LocalPort()), "httpOnly": forward.HTTPOnly(), "output": string(output),
	}, nil
}
