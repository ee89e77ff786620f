"""Writers for genome browsers: BED, bedGraph and bigWig tracks; sessions of IGV and JBrowse 2."""
