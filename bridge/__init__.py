"""The bridge: triggers become cues, cues become clips on tracks, each on its beat. It never imports torch."""
