"""What sits between gunicorn and the application. With wsgi.py the only place that knows gevent."""
