package api

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/daytonaio/daytona/libs/sdk-go/pkg/errors"
)

// checkText refuses text that is not UTF-8: JSON would carry another text in its place, and a command or a path would become
// another one. The error names the argument and not its value, which may be a secret.
func checkText(args arguments) error {
	for name, value := range args {
		if name == "options" {
			name = ""
		}
		if place, found := notUTF8(reflect.ValueOf(value), name); found {
			return errors.New(errors.ErrInvalidArgument, fmt.Sprintf(
				"The argument %s is not valid UTF-8; only the contents of files and of standard input may be any bytes.", strings.TrimPrefix(place, ".")))
		}
	}
	return nil
}

// notUTF8 looks for text that is not UTF-8 in what is reached by place.
func notUTF8(value reflect.Value, place string) (where string, found bool) {
	switch value.Kind() {
	case reflect.String:
		return place, !utf8.ValidString(value.String())
	case reflect.Pointer, reflect.Interface:
		return notUTF8(value.Elem(), place)
	case reflect.Slice:
		for i := 0; i < value.Len(); i++ {
			if where, found := notUTF8(value.Index(i), fmt.Sprintf("%s[%d]", place, i)); found {
				return where, true
			}
		}
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			here := fmt.Sprintf("%s[%+q]", place, entries.Key())
			if _, found := notUTF8(entries.Key(), here); found {
				return here, true
			}
			if where, found := notUTF8(entries.Value(), here); found {
				return where, true
			}
		}
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			if where, found := notUTF8(value.Field(i), place+"."+name); found {
				return where, true
			}
		}
	}
	return "", false
}
