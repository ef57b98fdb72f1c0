"""Qiutong 求同: find what AI-policy documents of two or more parties share, and what to talk about."""
