"""Ways of coding: each turns documents and their segments into codings with evidence."""
