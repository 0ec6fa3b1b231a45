package plan

import (
	"encoding/json"
	"maps"
)

// Schema gives the JSON Schema (draft 2020-12) of plan files, for editors. It is
// made from the table that the parser reads by. It knows the shape of a plan, not
// the app: what Parse says of services, methods and links it cannot say.
func Schema() []byte {
	s := objectSchema(&filePlan{})
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Kerf plan"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // a table of text, numbers and maps always marshals
		return nil
	}
	return append(text, '\n')
}

// rules is a JSON Schema, or a part of one.
type rules = map[string]any

// ofType is the schema of values that have a JSON type and obey further rules.
func ofType(name string, further rules) rules {
	s := rules{"type": name}
	maps.Copy(s, further)
	return s
}

// ofPattern is the schema of texts that match a pattern.
func ofPattern(pattern string) rules { return ofType("string", rules{"pattern": pattern}) }

func objectSchema(o keyed) rules {
	properties := rules{}
	var required []string
	for _, k := range o.keys() {
		if _, no := k.slot.(elsewhere); no {
			continue
		}
		s := k.slot.schema()
		s["description"] = k.doc
		properties[k.name] = s
		if k.required != "" {
			required = append(required, k.name)
		}
	}
	s := ofType("object", rules{"additionalProperties": false, "properties": properties})
	if required != nil {
		s["required"] = required
	}
	return s
}
