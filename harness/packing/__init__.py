"""A model with prepared inputs as a folder to run on another host, and what that folder says of itself."""
