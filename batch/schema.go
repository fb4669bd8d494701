package batch

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is the JSON Schema of manifests.
//
//go:embed manifest.schema.json
var Schema []byte

var schema = sync.OnceValue(func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		panic(err)
	}
	const name = "manifest.schema.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		panic(err)
	}
	return c.MustCompile(name)
})

// validate checks a document against the schema. The error lists all mistakes by
// line.
func validate(root *yaml.Node) error {
	value, err := toJSON(root)
	if err != nil {
		return err
	}
	err = schema().Validate(value)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	var found []mistake
	collect(root, invalid, &found)
	slices.SortStableFunc(found, func(a, b mistake) int { return a.line - b.line })
	var lines []string
	for _, m := range slices.Compact(found) {
		lines = append(lines, fmt.Sprintf("line %d: %s", m.line, m.text))
	}
	return errors.New(strings.Join(lines, "; "))
}

// mistake is one violation of the schema.
type mistake struct {
	line int
	text string
}

var english = message.NewPrinter(language.English)

// collect appends the mistakes in err. An error with causes only stands for these.
func collect(root *yaml.Node, err *jsonschema.ValidationError, found *[]mistake) {
	for _, c := range err.Causes {
		collect(root, c, found)
	}
	if len(err.Causes) > 0 {
		return
	}
	node, key := locate(root, err.InstanceLocation)
	where := strings.Join(err.InstanceLocation, ".")
	add := func(line int, format string, args ...any) {
		*found = append(*found, mistake{line, fmt.Sprintf(format, args...)})
	}
	switch k := err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			_, at := locate(root, append(slices.Clone(err.InstanceLocation), name))
			add(at.Line, "there is no option %q%s", name, inside(where))
		}
	case *kind.FalseSchema:
		name := err.InstanceLocation[len(err.InstanceLocation)-1]
		add(key.Line, "there is no option %q%s", name, inside(strings.Join(err.InstanceLocation[:len(err.InstanceLocation)-1], ".")))
	case *kind.Required:
		for _, name := range k.Missing {
			add(node.Line, "%s is missing%s", name, inside(where))
		}
	default:
		if where == "" {
			where = "the manifest"
		}
		add(node.Line, "%s: %s", where, k.LocalizedString(english))
	}
}

// inside returns where a mistake is, for messages.
func inside(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

// locate returns the node at a path of keys and indices, or the last one on the way
// that exists, and the node of its key.
func locate(n *yaml.Node, path []string) (value, key *yaml.Node) {
	value, key = n, n
	for _, name := range path {
		switch value.Kind {
		case yaml.MappingNode:
			for i := 0; i < len(value.Content); i += 2 {
				if value.Content[i].Value == name {
					key, value = value.Content[i], value.Content[i+1]
					break
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(name); err == nil && i < len(value.Content) {
				value = value.Content[i]
				key = value
			}
		}
	}
	return value, key
}

// toJSON returns a document as encoding/json would decode it. Dates remain text.
func toJSON(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			v, err := toJSON(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[n.Content[i].Value] = v
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			v, err := toJSON(c)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int":
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, plainYAML(err)
		}
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return json.Number(fmt.Sprint(v)), nil
	case "!!float":
		var v float64
		if err := n.Decode(&v); err != nil {
			return nil, plainYAML(err)
		}
		if v != v || v-v != 0 {
			return nil, fmt.Errorf("line %d: %s is not a number that can be used here", n.Line, n.Value)
		}
		return v, nil
	}
	return n.Value, nil
}
