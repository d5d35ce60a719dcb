"""The work on hosts: jobs, lanes, visits of pages, the schedule, and the commands that crawl."""
