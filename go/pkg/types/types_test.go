package types

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAChartsElementsHaveTheTypeOfItsKind(t *testing.T) {
	tests := []struct {
		json string
		want any
	}{
		{`{"type":"line","elements":[{"label":"a","points":[[1,2],["2024-01-01",3]]}]}`,
			[]PointData{{Label: "a", Points: [][]any{{1.0, 2.0}, {"2024-01-01", 3.0}}}}},
		{`{"type":"bar","elements":[{"label":"a","group":"g","value":3.5},{"label":"b","group":"g","value":"4"}]}`,
			[]BarData{{"a", "g", 3.5}, {"b", "g", "4"}}},
		{`{"type":"pie","elements":[{"label":"a","angle":90,"radius":1}]}`, []PieData{{Label: "a", Angle: 90, Radius: 1}}},
		{`{"type":"box_and_whisker","elements":[{"label":"a","min":1,"first_quartile":2,"median":3,"third_quartile":4,"max":5}]}`,
			[]BoxAndWhiskerData{{"a", 1, 2, 3, 4, 5, nil}}},
		{`{"type":"composite_chart","elements":[{"type":"scatter","title":"inner","elements":[]}]}`,
			[]Chart{{Type: ChartTypeScatter, Title: "inner", Elements: []PointData{}}}},
		{`{"type":"unknown","png":"x"}`, nil},
		{`{"type":"from_the_future","elements":[{"what":1}]}`, nil},
	}
	for _, test := range tests {
		var chart Chart
		if err := json.Unmarshal([]byte(test.json), &chart); err != nil {
			t.Errorf("%s: %v", test.json, err)
		} else if !reflect.DeepEqual(chart.Elements, test.want) {
			t.Errorf("%s: got %#v, want %#v", test.json, chart.Elements, test.want)
		}
	}
}

func TestTimesAreReadInTheFormsServersUse(t *testing.T) {
	want := time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, text := range []string{"2025-03-04T05:06:07Z", "2025-03-04 05:06:07 +0000 UTC", "2025-03-04T07:06:07+02:00"} {
		var file FileInfo
		if err := json.Unmarshal([]byte(`{"modTime":"`+text+`"}`), &file); err != nil || !file.ModifiedTime.Equal(want) {
			t.Errorf("%s: %v %v", text, file.ModifiedTime, err)
		}
	}
	var file FileInfo
	if err := json.Unmarshal([]byte(`{"name":"a","modTime":"yesterday"}`), &file); err != nil || !file.ModifiedTime.IsZero() {
		t.Errorf("%v %v", file.ModifiedTime, err)
	}
}

func TestTheSecondSpellingsOfATerminalSessionAreFilled(t *testing.T) {
	var session PtySessionInfo
	err := json.Unmarshal([]byte(`{"id":"a","cwd":"/tmp","processId":7,"createdAt":"2025-03-04T05:06:07Z"}`), &session)
	if err != nil || session.Id != "a" || session.ID != "a" || session.Cwd != "/tmp" || session.CWD != "/tmp" ||
		*session.ProcessId != 7 || *session.ProcessID != 7 || session.CreatedAt.IsZero() {
		t.Errorf("%+v %v", session, err)
	}
}

func TestAPrintedConfigurationHidesItsCredentials(t *testing.T) {
	config := DaytonaConfig{APIKey: "secret-key", JWTToken: "secret-token", APIUrl: "https://example.com"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{config, &config} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, "secret") {
				t.Errorf("%s shows a credential: %s", format, text)
			}
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	for _, value := range []any{
		PreviewLink{URL: "https://a", Token: "sesame"},
		&PreviewLink{URL: "https://a", Token: "sesame"},
		SignedPreviewLink{URL: "https://sesame", Token: "sesame"},
		PtySessionInfo{Envs: map[string]string{"NAME": "sesame"}},
	} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(form, value); strings.Contains(text, "sesame") {
				t.Errorf("%T is printed as %s", value, text)
			}
		}
	}
	if text := fmt.Sprint(PreviewLink{URL: "https://a", Token: "t"}); !strings.Contains(text, "https://a") {
		t.Errorf("printed as %s", text)
	}
}
