"""What an expert's remark beside a photo says of distance and of the build, read into facts. Pure."""
