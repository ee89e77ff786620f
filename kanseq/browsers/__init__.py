"""Write files for genome browsers: BED, bedGraph and bigWig tracks, and sessions for IGV and JBrowse 2."""
