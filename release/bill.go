package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// bill writes which modules are in the program, and in which versions.
func (r *release) bill() error {
	purl := func(path, version string) string { return "pkg:golang/" + path + "@" + version }
	main := r.info.Main
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: r.date.UTC().Format(time.RFC3339),
		Component: &cyclonedx.Component{
			BOMRef: purl(main.Path, main.Version), Type: cyclonedx.ComponentTypeApplication, Name: "advparams", Version: r.version,
			PackageURL: purl(main.Path, main.Version),
			Licenses:   &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
		},
	}
	components := []cyclonedx.Component{{
		BOMRef: purl("std", r.info.GoVersion), Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: r.info.GoVersion, PackageURL: purl("std", r.info.GoVersion),
	}}
	for _, m := range r.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		components = append(components, cyclonedx.Component{
			BOMRef: purl(m.Path, m.Version), Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl(m.Path, m.Version),
			Properties: &[]cyclonedx.Property{{Name: "go:sum", Value: m.Sum}},
		})
	}
	bom.Components = &components
	var refs []string
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: bom.Metadata.Component.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "advparams_"+r.version+".cdx.json"), out.Bytes(), 0o644)
}
