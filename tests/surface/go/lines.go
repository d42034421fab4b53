package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"sort"
	"strings"
)

// line is a line of the program that the compiler checks, and the symbol it is about.
type line struct {
	symbol   string
	expected string
	code     string
}

// lines returns the lines that check an entry.
func (e Entry) lines() []line {
	path := strings.Split(e.Name, " [")[0]
	parts := strings.Split(path, ".")
	owner := strings.Join(parts[:min(2, len(parts))], ".")
	member := parts[len(parts)-1]
	var lines []line
	add := func(symbol, expected, format string, values ...any) {
		lines = append(lines, line{symbol: symbol, expected: expected, code: fmt.Sprintf(format, values...)})
	}
	switch e.Kind {
	case "type":
		add(e.Name, "", "func _() { var v %s; _ = v }", path)
		names := make([]string, 0, len(e.Fields))
		for name := range e.Fields {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			add(e.Name+"."+name, e.Fields[name], field(path, name, e.Fields[name]))
		}
	case "field":
		add(e.Name, e.Type, field(owner, member, e.Type))
	case "constant":
		// Two equal keys do not compile: the constant must be equal to its value.
		add(e.Name, e.Type, "var _ = map[bool]%s{false: %s, %s == %q: %s}", e.Type, path, path, *e.Value, path)
	case "variable":
		add(e.Name, e.Type, "var _ %s = %s", e.Type, path)
	case "use":
		for _, use := range e.Uses {
			add(e.Name, strings.Join(e.Uses, " | "), "func _(ctx context.Context) { used(%s) }", use)
		}
	case "method", "function":
		for _, form := range e.Forms {
			receiver, callee := "", path
			if e.Kind == "method" {
				receiver, callee = "receiver *"+owner+", ", "receiver."+member
			}
			parameters, arguments, results := call(form)
			statement := "return "
			if results == "" {
				statement = ""
			}
			add(e.Name, strings.Join(e.Forms, " | "), "func _(%s%s) %s { %s%s(%s) }", receiver, parameters, results, statement, callee, arguments)
		}
	default:
		fail("unknown kind of " + e.Name)
	}
	return lines
}

// field reads and writes a field.
func field(owner, name, kind string) string {
	return fmt.Sprintf("func _(owner *%s, value %s) %s { owner.%s = value; return owner.%s }", owner, kind, kind, name, name)
}

// call splits a form into its parameters, the arguments that stand for them, and its results.
func call(form string) (parameters, arguments, results string) {
	expression, err := parser.ParseExpr("func" + form)
	check(err)
	function := expression.(*ast.FuncType)
	var declared, given []string
	for _, group := range function.Params.List {
		kind := text(group.Type)
		_, variadic := group.Type.(*ast.Ellipsis)
		for range group.Names {
			name := fmt.Sprintf("a%d", len(given))
			declared = append(declared, name+" "+kind)
			if variadic {
				name += "..."
			}
			given = append(given, name)
		}
	}
	if function.Results != nil {
		kinds := make([]string, 0, 2)
		for _, group := range function.Results.List {
			kinds = append(kinds, text(group.Type))
		}
		results = "(" + strings.Join(kinds, ", ") + ")"
	}
	return strings.Join(declared, ", "), strings.Join(given, ", "), results
}

func text(node ast.Node) string {
	var out strings.Builder
	check(printer.Fprint(&out, token.NewFileSet(), node))
	return out.String()
}
